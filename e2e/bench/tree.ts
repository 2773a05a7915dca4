import { type KeySource, type Level, walkLevel } from "../../lib/etcd/level-walk.ts";
import { ChildrenRequest, TreeDefinition } from "../../server/proto/gen/children.ts";
import { KVDefinition, RangeRequest } from "../../server/proto/gen/rpc.ts";
import { ClusterProcess } from "../harness/member-process.ts";
import { RpcClient } from "../harness/rpc-client.ts";
import { fill } from "./dataset.ts";
import { heading, median, show } from "./report.ts";

const ROUNDS = 5;
const CHILDREN_MAX = 100_000;
const SLASH = Buffer.from("/");

/**
 * A folder's children with exact counts: our Children RPC beside etcd's best way, bounded probes, and
 * beside its one-call way, all keys.
 */
export async function benchTree(isQuick: boolean): Promise<void> {
  const keys = isQuick ? 100_000 : 1_000_000;
  const ours = await ClusterProcess.start({ make: "quorate", size: 1 });
  const etcd = await ClusterProcess.start({ make: "etcd-3.4", size: 1 });
  const mine = new RpcClient(new URL(ours.endpoints).host);
  const real = new RpcClient(new URL(etcd.endpoints).host);
  try {
    await fill(ours.endpoints, keys);
    await fill(etcd.endpoints, keys);
    heading(`children of a folder, ${keys.toLocaleString("en")} keys in all`);
    for (const prefix of ["/", "/a/", "/b/"]) {
      const folder = Buffer.from(prefix);
      const found = await byChildren(mine, folder);
      const oursMs = await timed(() => byChildren(mine, folder));
      const ways = { "bounded probes": byProbes, "all keys at once": byAllKeys };
      for (const [way, list] of Object.entries(ways)) {
        const expected = await list(real, folder);
        if (found !== expected) throw new Error(`${prefix}: ${found} children, not ${expected}`);
        show({
          what: `${prefix} (${found} children), etcd by ${way}`,
          ours: oursMs,
          etcd: await timed(() => list(real, folder)),
          unit: "ms",
          better: "lower",
        });
      }
    }
  } finally {
    mine.close();
    real.close();
    await ours.stop();
    await etcd.stop();
  }
}

async function timed(action: () => Promise<number>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = performance.now();
    await action();
    times.push(performance.now() - startedAt);
  }
  return median(times);
}

async function byChildren(client: RpcClient, prefix: Buffer): Promise<number> {
  let after: Buffer = Buffer.alloc(0);
  let found = 0;
  for (;;) {
    const request = ChildrenRequest.fromPartial({ prefix, separator: SLASH, after });
    const outcome = await client.unary(TreeDefinition, TreeDefinition.methods.children, request);
    if ("failure" in outcome) throw new Error(outcome.failure.text);
    const { children, more } = outcome.response;
    found += children.length;
    const last = children.at(-1);
    if (!more || last === undefined) return found;
    after = last.key;
  }
}

/** As the console lists a level of a real etcd. */
async function byProbes(client: RpcClient, prefix: Buffer): Promise<number> {
  let revision = 0;
  const source: KeySource = {
    page: async (start, end, limit) => {
      const rangeEnd = end ?? Buffer.alloc(1);
      const fields = { key: start, rangeEnd, limit, keysOnly: true, revision };
      const request = RangeRequest.fromPartial(fields);
      const outcome = await client.unary(KVDefinition, KVDefinition.methods.range, request);
      if ("failure" in outcome) throw new Error(outcome.failure.text);
      const { kvs, count, header } = outcome.response;
      revision = header?.revision ?? revision;
      return { records: kvs, count };
    },
  };
  const level = { prefix, separator: SLASH, childrenMax: CHILDREN_MAX, isLate: () => false };
  let found = 0;
  for (let rest: Partial<Level> = {}; ; ) {
    const walked = await walkLevel(source, {
      ...level,
      start: rest.resume,
      pageKeys: rest.pageKeys,
    });
    found += walked.children.length;
    if (walked.resume === undefined) return found;
    rest = walked;
  }
}

async function byAllKeys(client: RpcClient, prefix: Buffer): Promise<number> {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  const request = RangeRequest.fromPartial({ key: prefix, rangeEnd: end, keysOnly: true });
  const outcome = await client.unary(KVDefinition, KVDefinition.methods.range, request);
  if ("failure" in outcome) throw new Error(outcome.failure.text);
  const children = new Map<string, number>();
  for (const { key } of outcome.response.kvs) {
    const at = key.indexOf(SLASH, prefix.length);
    const child = key.toString("latin1", prefix.length, at < 0 ? key.length : at + 1);
    children.set(child, (children.get(child) ?? 0) + 1);
  }
  return children.size;
}
