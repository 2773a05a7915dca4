import { KVDefinition, RangeRequest } from "../../server/proto/gen/rpc.ts";
import { leaderAt } from "../harness/cluster-client.ts";
import { ClusterProcess } from "../harness/member-process.ts";
import { RpcClient } from "../harness/rpc-client.ts";
import { type LoadFigures, load, type Operation } from "./load.ts";
import { heading, median, show } from "./report.ts";

const CONNECTIONS = [1, 8, 32, 100];
const ROUNDS = 3;
/** Not counted: a server that has just started compiles its hot paths, fills caches and files. */
const WARM_UP = { connections: 32, requests: 60_000 };

/** Puts and linearizable gets at the leader, one and three members, 1 to 100 connections. */
export async function benchThroughput(isQuick: boolean): Promise<void> {
  for (const size of [1, 3]) {
    const ours = await ClusterProcess.start({ make: "quorate", size });
    const etcd = await ClusterProcess.start({ make: "etcd-3.4", size });
    try {
      for (const operation of ["put", "get"] as const) {
        heading(
          `${size} member(s), ${operation}, 256-byte values, 10 requests in flight per connection`,
        );
        for (const cluster of [ours, etcd]) {
          await atLeader(cluster, operation, WARM_UP.connections, WARM_UP.requests, undefined);
        }
        await compare("1 connection, 1 in flight", [ours, etcd], operation, 1, isQuick, 1);
        for (const connections of CONNECTIONS) {
          const what = `${connections} connection(s)`;
          await compare(what, [ours, etcd], operation, connections, isQuick);
        }
      }
    } finally {
      await ours.stop();
      await etcd.stop();
    }
  }
}

async function compare(
  what: string,
  [ours, etcd]: readonly [ClusterProcess, ClusterProcess],
  operation: Operation,
  connections: number,
  isQuick: boolean,
  streams?: number,
): Promise<void> {
  const requests =
    (isQuick ? 4_000 : 20_000) * (streams === 1 ? 0.5 : 1) * (connections > 1 ? 2 : 1);
  const rounds = isQuick ? 1 : ROUNDS;
  const seen: { ours: LoadFigures[]; etcd: LoadFigures[] } = { ours: [], etcd: [] };
  for (let round = 0; round < rounds; round++) {
    seen.ours.push(await atLeader(ours, operation, connections, requests, streams));
    seen.etcd.push(await atLeader(etcd, operation, connections, requests, streams));
  }
  const middle = (figures: LoadFigures[], field: keyof LoadFigures): number =>
    median(figures.map((each) => each[field]));
  for (const [field, unit, better] of [
    ["perSecond", "/s", "higher"],
    ["p50Ms", "ms", "lower"],
    ["p99Ms", "ms", "lower"],
  ] as const) {
    const label = field === "perSecond" ? what : `  ${field === "p50Ms" ? "p50" : "p99"}`;
    show({
      what: label,
      ours: middle(seen.ours, field),
      etcd: middle(seen.etcd, field),
      unit,
      better,
    });
  }
}

async function atLeader(
  cluster: ClusterProcess,
  operation: Operation,
  connections: number,
  requests: number,
  streams: number | undefined,
): Promise<LoadFigures> {
  const leaderUrl = cluster.member(await leaderAt(cluster)).clientUrl;
  const before = await revisionAt(leaderUrl);
  const figures = await load(leaderUrl, operation, connections, requests, streams);
  const written = (await revisionAt(leaderUrl)) - before;
  if (written !== (operation === "put" ? requests : 0)) {
    throw new Error(`${requests} ${operation} requests moved the revision by ${written}`);
  }
  return figures;
}

async function revisionAt(clientUrl: string): Promise<number> {
  const client = new RpcClient(new URL(clientUrl).host);
  const request = RangeRequest.fromPartial({ key: Buffer.from("bench/key"), countOnly: true });
  const outcome = await client.unary(KVDefinition, KVDefinition.methods.range, request);
  client.close();
  if ("failure" in outcome) throw new Error(outcome.failure.text);
  return outcome.response.header?.revision ?? 0;
}
