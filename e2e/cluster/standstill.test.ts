// Members that stand still for a while (SIGSTOP as a machine's suspension, or one too busy) and
// then go on. Nothing that was asked meanwhile is lost: etcd answers all of it.
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ClusterClient, leaderAt, must } from "../harness/cluster-client.ts";
import { ClusterProcess } from "../harness/member-process.ts";

/** Longer than peers wait for a word on a stream, shorter than a proposal waits for its outcome. */
const STANDSTILL_MS = 6_500;
const PUT_PERIOD_MS = 100;
const PUT_LIMIT_MS = 60_000;
/** A round with an election that nobody planned tells nothing: what a deposed leader logs is lost. */
const ROUNDS_MAX = 3;

let cluster: ClusterProcess;

beforeAll(async () => {
  cluster = await ClusterProcess.start({ make: "quorate", size: 3 });
});

afterAll(() => cluster?.stop());

interface Plan {
  readonly stopped: readonly number[];
  /** Where the puts go, all of them while the others stand still. */
  readonly asked: number;
  readonly ms: number;
  readonly elections: number;
}

/** The puts that failed, or were applied more than once. */
async function lostBy({ stopped, asked, ms, elections }: Plan, round: number): Promise<string[]> {
  const client = new ClusterClient(cluster.members);
  try {
    const prefix = `${stopped.join()}/${asked}/${round}/`;
    const termBefore = must(await client.status(asked)).raftTerm;
    must(await client.put(asked, "before", "x"));
    const puts: ReturnType<typeof client.put>[] = [];
    for (const at of stopped) cluster.member(at).kill("SIGSTOP");
    const endMs = performance.now() + ms;
    while (performance.now() < endMs) {
      puts.push(client.put(asked, `${prefix}${puts.length}`, "x", PUT_LIMIT_MS));
      await delay(PUT_PERIOD_MS);
    }
    for (const at of stopped) cluster.member(at).kill("SIGCONT");
    const outcomes = await Promise.all(puts);
    await leaderAt(cluster);
    const held = Number(must(await client.status(asked)).raftTerm) - Number(termBefore);
    if (held !== elections) return [`${held} elections`];
    const { kvs } = must(await client.get(asked, prefix, `${prefix.slice(0, -1)}0`));
    return [
      ...outcomes.flatMap((each) => ("failure" in each ? [each.failure.text] : [])),
      ...kvs.filter(({ version }) => Number(version) !== 1).map(({ key }) => key.toString()),
    ];
  } finally {
    for (const at of stopped) cluster.member(at).kill("SIGCONT");
    client.close();
  }
}

async function expectNothingLost(planOf: (leader: number) => Plan): Promise<void> {
  let lost: string[] = [];
  for (let round = 0; round < ROUNDS_MAX; round++) {
    lost = await lostBy(planOf(await leaderAt(cluster)), round);
    if (lost[0]?.endsWith("elections") !== true) break;
  }
  expect(lost).toEqual([]);
}

test("a follower that stood still answers all that waited at it", () =>
  expectNothingLost((leader) => {
    const follower = (leader + 1) % 3;
    return { stopped: [follower], asked: follower, ms: STANDSTILL_MS, elections: 0 };
  }));

test("a leader that stood still hands what waited at it to its successor", () =>
  expectNothingLost((leader) => ({
    stopped: [leader],
    asked: leader,
    ms: STANDSTILL_MS,
    elections: 1,
  })));

test("what a follower sent to a leader that stands still arrives at the next one", () =>
  expectNothingLost((leader) => ({
    stopped: [leader],
    asked: (leader + 1) % 3,
    ms: 3_000,
    elections: 1,
  })));

test("members that all stood still go on as if nothing had been", () =>
  expectNothingLost((leader) => ({
    stopped: [0, 1, 2],
    asked: (leader + 1) % 3,
    ms: STANDSTILL_MS,
    elections: 0,
  })));
