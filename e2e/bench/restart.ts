import { setTimeout as delay } from "node:timers/promises";
import { KVDefinition, RangeRequest } from "../../server/proto/gen/rpc.ts";
import { ClusterProcess, type Make, type MemberProcess } from "../harness/member-process.ts";
import { residentMb } from "../harness/resident-memory.ts";
import { RpcClient } from "../harness/rpc-client.ts";
import { fill } from "./dataset.ts";
import { heading, median, show } from "./report.ts";

const RESTARTS = 3;

interface Figures {
  readonly restartMs: number;
  readonly loadedMb: number;
  readonly restartedMb: number;
}

/** Memory with a million keys, and the time from start to the first linearizable get. */
export async function benchRestart(isQuick: boolean): Promise<void> {
  const keys = isQuick ? 100_000 : 1_000_000;
  const ours = await measure("quorate", keys);
  const etcd = await measure("etcd-3.4", keys);
  heading(`one member with ${keys.toLocaleString("en")} keys of 256 bytes, loaded by transactions`);
  const lower = { unit: "MB", better: "lower" } as const;
  show({
    what: "memory after loading (RssAnon)",
    ours: ours.loadedMb,
    etcd: etcd.loadedMb,
    ...lower,
  });
  show({
    what: "memory after restart (RssAnon)",
    ours: ours.restartedMb,
    etcd: etcd.restartedMb,
    ...lower,
  });
  show({
    what: "restart to first get",
    ours: ours.restartMs,
    etcd: etcd.restartMs,
    unit: "ms",
    better: "lower",
  });
}

async function measure(make: Make, keys: number): Promise<Figures> {
  const cluster = await ClusterProcess.start({ make, size: 1 });
  try {
    const member = cluster.member(0);
    await fill(member.clientUrl, keys);
    await delay(1_000);
    const loadedMb = residentMb(member);
    const times: number[] = [];
    for (let i = 0; i < RESTARTS; i++) {
      await member.stop("SIGTERM");
      const startedAt = performance.now();
      member.start();
      await firstGet(member);
      times.push(performance.now() - startedAt);
    }
    return { restartMs: median(times), loadedMb, restartedMb: residentMb(member) };
  } finally {
    await cluster.stop();
  }
}

async function firstGet(member: MemberProcess): Promise<void> {
  const request = RangeRequest.fromPartial({ key: Buffer.from("/a/000/00000") });
  for (let tries = 0; tries < 20_000; tries++) {
    const client = new RpcClient(new URL(member.clientUrl).host);
    const outcome = await client.unary(KVDefinition, KVDefinition.methods.range, request);
    client.close();
    if ("response" in outcome) return;
    await delay(5);
  }
  throw new Error("the member did not come back");
}
