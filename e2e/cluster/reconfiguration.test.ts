import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { ClusterClient, leaderAt, must } from "../harness/cluster-client.ts";
import { ClusterProcess, etcdctl, MemberProcess } from "../harness/member-process.ts";
import { freePorts } from "../harness/ports.ts";
import { ETCD_35 } from "../harness/tools.ts";

let cluster: ClusterProcess;
let joiner: MemberProcess | undefined;

afterEach(async () => {
  await joiner?.stop("SIGKILL");
  joiner = undefined;
  await cluster?.stop();
});

async function run(endpoints: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await etcdctl(ETCD_35, endpoints, args);
  return code === 0 ? stdout : stderr;
}

/** What `member list` says of each: id, status, name, URLs, whether it is a learner. */
async function rows(endpoints: string): Promise<string[][]> {
  const { code, stdout, stderr } = await etcdctl(ETCD_35, endpoints, ["member", "list"]);
  if (code !== 0) throw new Error(stderr);
  const lines = stdout.trim().split("\n");
  return lines.map((line) => line.split(", "));
}

/** The members as etcdctl lists them: name to learner or not. */
async function listed(endpoints: string): Promise<Record<string, boolean>> {
  return Object.fromEntries((await rows(endpoints)).map((row) => [row[2], row[5] === "true"]));
}

/**
 * Repeats a change of the members until it is there. None is made before all have been connected
 * for five seconds, and one may be made although no answer to it came.
 */
async function change(
  endpoints: string,
  args: readonly string[],
  isMade: () => Promise<boolean>,
): Promise<void> {
  const attempt = async () => {
    if (!(await isMade())) await run(endpoints, ...args);
    return isMade();
  };
  await expect.poll(attempt).toBe(true);
}

/** A member of its own, not started: its peer URL and what it is started with. */
async function prepare(): Promise<MemberProcess> {
  const [clientPort, peerPort] = (await freePorts(2)) as [number, number];
  const peers = [...cluster.members.map((m) => [m.options.name, m.peerUrl]), ["m4", ""]];
  const urls = peers.map(([name, url]) => `${name}=${url || `http://127.0.0.1:${peerPort}`}`);
  return new MemberProcess({
    make: "quorate",
    name: "m4",
    clientPort,
    peerPort,
    dataDir: join(cluster.folder, "m4"),
    initialCluster: urls.join(","),
    state: "existing",
  });
}

async function idOf(endpoints: string, peerUrl: string): Promise<string> {
  return (await rows(endpoints)).find((row) => row[3] === peerUrl)?.[0] ?? "";
}

/** How many members this one has a stream to, by its metrics. */
async function activePeers(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return [...text.matchAll(/^etcd_network_active_peers\{.*\} 1$/gm)].length;
}

test("a learner joins by log or snapshot, serves what it may, and becomes a voter", async () => {
  cluster = await ClusterProcess.start({
    make: "quorate",
    size: 3,
    flags: ["--snapshot-count=50", "--experimental-snapshot-catchup-entries=10"],
  });
  const { endpoints } = cluster;
  const client = new ClusterClient(cluster.members);
  for (let i = 0; i < 120; i++) must(await client.put(0, `k${i % 7}`, String(i)));
  client.close();
  const { clientUrl, peerUrl } = (joiner = await prepare());
  const adding = ["member", "add", "m4", "--learner", `--peer-urls=${peerUrl}`];
  await change(endpoints, adding, async () => (await idOf(endpoints, peerUrl)) !== "");
  const other = ["member", "add", "m5", "--learner", "--peer-urls=http://127.0.0.1:1"];
  expect(await run(endpoints, ...other)).toContain("too many learner members in cluster");
  const id = await idOf(endpoints, peerUrl);
  const promoting = ["member", "promote", id];
  expect(await run(endpoints, ...promoting)).toContain("in sync with leader");
  joiner.start();
  await expect.poll(() => listed(endpoints)).toMatchObject({ m4: true });
  await expect.poll(() => run(clientUrl, "get", "k0", "--consistency=s")).toBe("k0\n119\n");
  // The snapshot told it who else is there, and it has called them by itself.
  for (const each of [joiner, ...cluster.members]) {
    await expect.poll(() => activePeers(each.clientUrl)).toBe(3);
  }
  expect(await run(clientUrl, "put", "a", "b")).toContain("not supported for learner");
  await change(endpoints, promoting, async () => (await listed(endpoints))["m4"] === false);
  // It may hear later than the leader that it is no learner any more.
  await expect.poll(() => run(clientUrl, "put", "a", "b")).toBe("OK\n");
  expect(await listed(endpoints)).toEqual({ m1: false, m2: false, m3: false, m4: false });
});

test("a removed leader stops by itself, the others go on, and it cannot come back", async () => {
  cluster = await ClusterProcess.start({ make: "quorate", size: 3 });
  const leader = cluster.member(await leaderAt(cluster));
  const rest = cluster.members.filter((member) => member !== leader);
  const endpoints = rest.map((member) => member.clientUrl).join(",");
  await run(endpoints, "put", "before", "1");
  const id = await idOf(endpoints, leader.peerUrl);
  const removing = ["member", "remove", id];
  await change(endpoints, removing, async () => (await idOf(endpoints, leader.peerUrl)) === "");
  await expect.poll(() => leader.isRunning).toBe(false);
  await expect.poll(() => run(endpoints, "put", "after", "1")).toBe("OK\n");
  expect(Object.keys(await listed(endpoints))).toHaveLength(2);
  leader.start();
  await expect.poll(() => leader.isRunning).toBe(false);
  expect(await run(endpoints, "member", "remove", id)).toContain("member not found");
});
