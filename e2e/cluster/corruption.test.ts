import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import {
  CALM,
  ClusterProcess,
  etcdctl,
  type Make,
  type MemberProcess,
} from "../harness/member-process.ts";
import { MixedCluster } from "../harness/mixed-cluster.ts";
import { tamper } from "../harness/tampering.ts";
import { ETCD_35 } from "../harness/tools.ts";

// A member whose data were changed behind its back is found out by the others, whichever make they
// and it are of.

const PERIODIC = ["--experimental-corrupt-check-time=1s"];
const COMPACTION = [
  "--experimental-compact-hash-check-enabled",
  "--experimental-compact-hash-check-time=1s",
];
const LIMIT_MS = 30_000;

const clusters: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(clusters.splice(0).map((each) => each.stop()));
});

async function ctl(member: MemberProcess, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await etcdctl(ETCD_35, member.clientUrl, args);
  return stdout + stderr;
}

async function eventually(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not ${what} in 30 s`);
    await delay(100);
  }
}

/** Three members that hold the same keys; returns the one that is to be damaged, stopped. */
async function threeMembers(make: Make, flags: readonly string[]) {
  const started = await ClusterProcess.start({ make, size: 3, flags: [...CALM, ...flags] });
  clusters.push(started);
  const [first] = started.members;
  if (first === undefined) throw new Error("no member");
  for (const at of [1, 2, 3]) {
    expect(await ctl(first, "put", `key${at}`, "original")).toBe("OK\n");
  }
  const leaders = await Promise.all(started.members.map((each) => ctl(each, "endpoint", "status")));
  const at = leaders.findIndex((status) => status.split(", ")[4] === "false");
  const victim = started.member(at);
  const witness = started.member((at + 1) % 3);
  await ctl(victim, "get", "key3");
  const members = await ctl(witness, "member", "list");
  const row = members.split("\n").find((line) => line.includes(victim.peerUrl));
  await victim.stop();
  return { victim, witness, id: BigInt(`0x${row?.split(",")[0]}`) };
}

const alarms = async (member: MemberProcess) => (await ctl(member, "alarm", "list")).trim();
const hasAlarm = (member: MemberProcess) => async () => (await alarms(member)).includes("CORRUPT");

/** etcd 3.5 knows which member it is, but does not say so. */
function alarmOf(make: Make, id: bigint): string {
  return make === "quorate" ? `memberID:${id} alarm:CORRUPT` : "alarm:CORRUPT";
}

/** The same story in a cluster of each make, side by side. */
function onBoth(story: (make: Make) => Promise<void>): () => Promise<void> {
  return async () => {
    await Promise.all([story("quorate"), story("etcd-3.5")]);
  };
}

test(
  "the periodic check finds a changed value, and the alarm stops writes",
  onBoth(async (make) => {
    const { victim, witness, id } = await threeMembers(make, PERIODIC);
    await tamper(victim, "original", "tampered");
    // Found out within a second, it may never be healthy.
    victim.start();
    await eventually(hasAlarm(witness), "found");
    expect(await alarms(witness)).toBe(alarmOf(make, id));
    const refused = await ctl(witness, "put", "a", "b");
    expect(refused).toContain("etcdserver: corrupt cluster");
    expect(await (await fetch(`${witness.clientUrl}/health`)).json()).toEqual({
      health: "false",
      reason: "ALARM CORRUPT",
    });
  }),
);

test(
  "the check of compactions finds it in what was compacted",
  onBoth(async (make) => {
    const { victim, witness, id } = await threeMembers(make, COMPACTION);
    await tamper(victim, "original", "tampered");
    victim.start();
    await victim.ready();
    expect(await ctl(witness, "compact", "4")).toContain("compacted revision 4");
    await eventually(hasAlarm(witness), "found");
    expect(await alarms(witness)).toBe(alarmOf(make, id));
  }),
);

test(
  "the initial check keeps a changed member from starting, and no other",
  onBoth(async (make) => {
    // etcd knows whom to ask only from a snapshot of its log.
    const flags = ["--experimental-initial-corrupt-check", "--snapshot-count=3"];
    const { victim } = await threeMembers(make, flags);
    victim.start();
    await victim.ready();
    await victim.stop();
    await tamper(victim, "original", "tampered");
    victim.start();
    await eventually(async () => !victim.isRunning, "ended");
    expect(victim.output).toMatch(/"level":"fatal".*[0-9a-f]+ found data inconsistency with peers/);
  }),
);

test(
  "a leader of either make finds a changed member of the other",
  onBoth(async (make) => {
    const other = make === "quorate" ? "etcd-3.5" : "quorate";
    const mixed = new MixedCluster();
    clusters.push(mixed);
    await mixed.grow("leader", make, { flags: PERIODIC });
    await mixed.grow("other", other, { isLearner: true });
    await mixed.at("leader", ["put", "key", "original"]);
    await mixed.agreement(["leader", "other"]);
    await mixed.member("other").stop();
    await tamper(mixed.member("other"), "original", "tampered");
    mixed.member("other").start();
    await eventually(hasAlarm(mixed.member("leader")), "found");
  }),
);
