// What stands below a prefix, at a glance and at a price that does not grow with it. The count is
// exact, because etcd gives it with any answer. Everything else is of the first keys in byte order:
// of up to a thousand their revisions and leases, and of fewer their values, which are read in
// growing steps until a mebibyte of them has come.
import type { RangeResponse } from "../../server/proto/gen/rpc.ts";
import { rangeOfPrefix } from "./children.ts";
import type { EtcdClient } from "./client.ts";
import { type KeyRecord, range } from "./kv.ts";
import { keyAfter } from "./level-walk.ts";

const LISTED_KEYS_MAX = 1_000;
const WEIGHED_KEYS_MAX = 100;
const WEIGHED_BYTES_MAX = 1024 * 1024;
/** A step reads at most so many times the keys of the one before … */
const STEP_GROWTH = 4;
/** … and never more than this: each may be as large as etcd takes it. */
const STEP_KEYS_MAX = 16;
const NAMED_KEYS = 5;

export interface Weighed {
  readonly record: KeyRecord;
  readonly sizeBytes: number;
}

export interface PrefixSummary {
  readonly revision: number;
  /** The member that answered. */
  readonly memberId: bigint;
  /** All keys with the prefix; exact at the revision. */
  readonly count: number;
  /** Keys that the next three are of: the first ones. */
  readonly listed: number;
  readonly leased: number;
  /** The last ones that were written, newest first. */
  readonly recent: readonly KeyRecord[];
  readonly oldest: KeyRecord | undefined;
  /** Keys whose values the next two are of: the first ones. */
  readonly weighed: number;
  readonly valueBytes: number;
  /** Largest first. */
  readonly largest: readonly Weighed[];
}

export interface SummaryQuery {
  readonly prefix: Buffer;
  /** Undefined: the current one. */
  readonly revision?: number | undefined;
  /** Answered from one member's own state, which may be behind. */
  readonly serializable?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export async function summarize(client: EtcdClient, query: SummaryQuery): Promise<PrefixSummary> {
  const { prefix, serializable, signal } = query;
  const ask = (key: Buffer, rangeEnd: Buffer, limit: number, more: object) =>
    range(client, { key, rangeEnd, limit, serializable, ...more }, { signal });
  const { key, rangeEnd } = rangeOfPrefix(prefix);
  const first = { keysOnly: true, revision: query.revision };
  const list = await ask(key, rangeEnd, LISTED_KEYS_MAX, first);
  const revision = query.revision ?? list.revision;
  const values = await weigh(list.kvs, (from, end, limit) => ask(from, end, limit, { revision }));
  const byAge = list.kvs.toSorted((a, b) => b.modRevision - a.modRevision);
  return {
    revision,
    memberId: list.header?.memberId ?? 0n,
    count: list.count,
    listed: list.kvs.length,
    leased: list.kvs.filter(({ lease }) => lease !== 0n).length,
    recent: byAge.slice(0, NAMED_KEYS),
    oldest: byAge.at(-1),
    weighed: values.length,
    valueBytes: values.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    largest: values.toSorted((a, b) => b.sizeBytes - a.sizeBytes).slice(0, NAMED_KEYS),
  };
}

type Read = (key: Buffer, rangeEnd: Buffer, limit: number) => Promise<RangeResponse>;

/** Asks for exactly the keys that are known, so that etcd has nothing else to count. */
async function weigh(known: readonly KeyRecord[], read: Read): Promise<Weighed[]> {
  const weighed: Weighed[] = [];
  const total = Math.min(known.length, WEIGHED_KEYS_MAX);
  let left = WEIGHED_BYTES_MAX;
  for (let at = 0, step = 1; at < total && left > 0; ) {
    const some = known.slice(at, Math.min(at + step, total));
    const [from, last] = [some[0], some.at(-1)];
    if (from === undefined || last === undefined) break;
    const { kvs } = await read(from.key, keyAfter(last.key), some.length);
    for (const record of kvs) {
      weighed.push({ record, sizeBytes: record.value.length });
      left -= record.value.length;
    }
    at += some.length;
    const largest = Math.max(1, ...weighed.map(({ sizeBytes }) => sizeBytes));
    step = Math.min(step * STEP_GROWTH, STEP_KEYS_MAX, Math.max(1, Math.floor(left / largest)));
  }
  return weighed;
}
