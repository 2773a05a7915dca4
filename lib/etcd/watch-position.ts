// How far a watch has come, and in which history. A restore begins another one: with new peers or
// a new token the cluster gets another id, and with the same ones its terms begin again.

import type { ResponseHeader } from "../../server/proto/gen/rpc.ts";
import type { EtcdClient } from "./client.ts";
import { range } from "./kv.ts";

export interface WatchHistory {
  /** 0 while nobody has told it. */
  readonly clusterId: bigint;
  /** The highest that a member with a leader has told of it; 0 while none has. */
  readonly raftTerm: number;
}

export interface Position {
  /** The revision to deliver next; undefined until the first stream is open. */
  next: number | undefined;
  /** The highest revision of the cluster that any stream has told of; 0 before the first. */
  reached: number;
  /** Whose revisions these are. */
  history: WatchHistory;
  /** Parts of revision `next` handed out already. */
  part: number;
  /** The reader has been told where the stream begins. */
  isOpen: boolean;
  isLost: boolean;
}

/** `seen`: the history of which everything before `next` was received. */
export function positionAt(next: number | undefined, seen: WatchHistory | undefined): Position {
  const reached = seen === undefined || next === undefined ? 0 : next - 1;
  const history = seen ?? { clusterId: 0n, raftTerm: 0 };
  return { next, reached, history, part: 0, isOpen: false, isLost: false };
}

/** Where a cluster stands as a watch begins. */
export interface Standing {
  readonly revision: number;
  readonly history: WatchHistory;
  /** The history is not the one that was read so far. */
  readonly isOther: boolean;
}

/**
 * A member whose revision or term is before the position's may only lag behind the others, or be of
 * a cluster that was restored: a linearizable read tells. Its term is a leader's, as is that of each
 * watch (`hasleader`), and within one history no leader that has a quorum is of an earlier term than
 * one before it. Throws ClusterError when there is no quorum to tell.
 */
export async function standingOf(
  client: EtcdClient,
  key: Buffer,
  { next, history }: Position,
  header: ResponseHeader | undefined,
  signal: AbortSignal,
): Promise<Standing> {
  const own = { clusterId: 0n, revision: 0, raftTerm: 0, ...header };
  const isTold = own.clusterId !== 0n && history.clusterId !== 0n;
  const isOtherCluster = isTold && own.clusterId !== history.clusterId;
  const isBehind = next !== undefined && own.revision < next - 1;
  const hasOldTerm = !isOtherCluster && isBefore(own.raftTerm, history.raftTerm);
  const confirmed =
    isBehind || hasOldTerm ? await range(client, { key, countOnly: true }, { signal }) : undefined;
  const raftTerm = confirmed?.header?.raftTerm ?? 0;
  const isOther = isOtherCluster || (hasOldTerm && isBefore(raftTerm, history.raftTerm));
  return {
    revision: Math.max(own.revision, confirmed?.revision ?? 0),
    history: {
      clusterId: own.clusterId === 0n ? history.clusterId : own.clusterId,
      raftTerm: Math.max(own.raftTerm, raftTerm, isOther ? 0 : history.raftTerm),
    },
    isOther,
  };
}

/** False of a term that is not told. */
function isBefore(raftTerm: number, other: number): boolean {
  return raftTerm !== 0 && raftTerm < other;
}

/** A watch may begin ahead of the cluster: only what was reached once can be gone. */
export function hasGoneBack({ next, reached }: Position, revision: number): boolean {
  return next !== undefined && revision < Math.min(reached, next - 1);
}

/** False of a watch that still waits ahead of the cluster: nothing of another is handed out. */
export function hasBegun({ next, reached }: Position): boolean {
  return next !== undefined && next - 1 <= reached;
}
