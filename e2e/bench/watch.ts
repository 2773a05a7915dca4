import { setTimeout as delay } from "node:timers/promises";
import { ClusterProcess, type Make } from "../harness/member-process.ts";
import { residentMb } from "../harness/resident-memory.ts";
import { KEY, load } from "./load.ts";
import { heading, median, show } from "./report.ts";
import { Watchers } from "./watchers.ts";

const FAN_OUT = { streams: 1_000, connections: 10 };
/** Puts in flight: more than the server can spread at once. */
const WRITERS = 4;
const ROUNDS = 3;
const MANY = { streams: 10_000, connections: 100 };

/** One key, a thousand streams that watch it, and every put told to all of them. */
export async function benchWatch(isQuick: boolean): Promise<void> {
  const puts = isQuick ? 200 : 1_000;
  const ours = await ClusterProcess.start({ make: "quorate", size: 1 });
  const etcd = await ClusterProcess.start({ make: "etcd-3.4", size: 1 });
  try {
    heading(`watch: each put to ${FAN_OUT.streams.toLocaleString("en")} streams`);
    for (const cluster of [ours, etcd]) await fanOut(cluster, puts);
    const seen: { ours: number[]; etcd: number[] } = { ours: [], etcd: [] };
    for (let round = 0; round < ROUNDS; round++) {
      seen.ours.push(await fanOut(ours, puts));
      seen.etcd.push(await fanOut(etcd, puts));
    }
    const figures = { ours: median(seen.ours), etcd: median(seen.etcd) };
    show({ what: "events told", ...figures, unit: "/s", better: "higher" });
  } finally {
    await ours.stop();
    await etcd.stop();
  }
  const figures = { ours: await memory("quorate"), etcd: await memory("etcd-3.4") };
  const what = `memory with ${MANY.streams.toLocaleString("en")} streams`;
  show({ what, ...figures, unit: "MB", better: "lower" });
}

/** Events per second, from the first put until the last stream has heard of the last one. */
async function fanOut(cluster: ClusterProcess, puts: number): Promise<number> {
  const { clientUrl } = cluster.member(0);
  const { streams, connections } = FAN_OUT;
  const watchers = await Watchers.open(clientUrl, KEY, streams, connections);
  const startedAt = performance.now();
  await Promise.all([watchers.received(streams * puts), load(clientUrl, "put", 1, puts, WRITERS)]);
  const seconds = (performance.now() - startedAt) / 1000;
  watchers.close();
  return (streams * puts) / seconds;
}

async function memory(make: Make): Promise<number> {
  const cluster = await ClusterProcess.start({ make, size: 1 });
  try {
    const { streams, connections } = MANY;
    const watchers = await Watchers.open(cluster.endpoints, KEY, streams, connections);
    await delay(2_000);
    const resident = residentMb(cluster.member(0));
    watchers.close();
    return resident;
  } finally {
    await cluster.stop();
  }
}
