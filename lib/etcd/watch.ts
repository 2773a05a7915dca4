// One watch, followed for as long as somebody reads it. The position is a revision: what comes
// next. It moves only when a whole revision has been handed out, so that after any break the watch
// goes on exactly there, on whatever endpoint answers.
//
//     next ──▶ created ──▶ change* ─┬─▶ stream breaks ─▶ lost … restored ─▶ created at `next`
//                                   └─▶ compacted ─────▶ gap [next, compacted], next = compacted+1
//
// A cluster that was restored from a snapshot stands before the position, where `next` would be
// awaited in silence: the watch then begins anew behind what the cluster has, and says so. Where it
// has come past the position since, only its id or its term tells: what lies between is of another
// history than what was handed out, and is told as a gap.
//
// Reading slowly is safe: nothing is buffered here beyond one response, gRPC's flow control holds
// etcd back, and etcd catches a slow watcher up from its history.

import { type ClientDuplexStream, type ServiceError, status } from "@grpc/grpc-js";
import { EMPTY_BYTES } from "../../server/base/bytes.ts";
import { type Event, Event_EventType } from "../../server/proto/gen/kv.ts";
import {
  WatchCreateRequest,
  WatchCreateRequest_FilterType,
  WatchDefinition,
  WatchRequest,
  type WatchResponse,
} from "../../server/proto/gen/rpc.ts";
import type { EtcdClient } from "./client.ts";
import { ClusterError, fromStatus } from "./cluster-error.ts";
import type { KeyRecord } from "./kv.ts";
import { statusOf } from "./maintenance.ts";
import { blamesToken } from "./token-source.ts";
import {
  hasBegun,
  hasGoneBack,
  type Position,
  positionAt,
  standingOf,
  type WatchHistory,
} from "./watch-position.ts";

export interface WatchTarget {
  readonly key: Buffer;
  /** Empty: the single key. */
  readonly rangeEnd: Buffer;
  /** The first revision wanted; undefined: the next one. */
  readonly startRevision?: number | undefined;
  /** Of what was received up to there; undefined: nothing was. */
  readonly seenHistory?: WatchHistory | undefined;
  readonly only?: "put" | "delete" | undefined;
}

export interface WatchEvent {
  readonly key: Buffer;
  /** What a put wrote; undefined for a delete. */
  readonly record: KeyRecord | undefined;
  /** What stood there before; undefined when nothing did, or compaction has taken it. */
  readonly previous: KeyRecord | undefined;
}

export type WatchMessage =
  /**
   * Comes first, or behind the gap of a restore. Once more, and before `restored`, when the cluster
   * is of another history since: where it has gone back to `revision` behind what was handed out,
   * what the old history and the new one hold else is not told.
   */
  | {
      readonly type: "open";
      readonly from: number;
      readonly revision: number;
      readonly history: WatchHistory;
    }
  | {
      readonly type: "change";
      readonly revision: number;
      readonly events: readonly WatchEvent[];
      /** Large revisions come in parts, counted from 0. */
      readonly part: number;
      /** The revision is complete with this part. */
      readonly isLast: boolean;
    }
  | { readonly type: "progress"; readonly revision: number }
  /** Compaction, or a restore, has taken what happened from `from` up to `compactRevision`. */
  | { readonly type: "gap"; readonly from: number; readonly compactRevision: number }
  | { readonly type: "lost"; readonly error: ClusterError }
  /** `revision` is the cluster's when the watch went on. */
  | { readonly type: "restored"; readonly revision: number };

const PART_EVENTS_MAX = 500;
const PROGRESS_INTERVAL_MS = 10_000;
/** Until the watch has come to where the cluster stood when it began: a reader waits for that. */
const CATCH_UP_INTERVAL_MS = 1_000;
const RETRY_DELAY_MIN_MS = 200;
const RETRY_DELAY_MAX_MS = 5_000;
const RETRIABLE: ReadonlySet<string> = new Set([
  "unreachable",
  "unavailable",
  "timeout",
  "no-leader",
  "dns",
  "tls",
  "not-etcd",
]);

/**
 * Endless until `signal` aborts. Throws ClusterError when trying again is in vain (permission,
 * credentials, a malformed range); everything else is reported as `lost` and tried again.
 */
export async function* followWatch(
  client: EtcdClient,
  target: WatchTarget,
  signal: AbortSignal,
): AsyncGenerator<WatchMessage> {
  const position = positionAt(target.startRevision, target.seenHistory);
  let delayMs = RETRY_DELAY_MIN_MS;
  let deniedOnce = false;
  while (!signal.aborted) {
    try {
      for await (const message of watchOnce(client, target, position, signal)) {
        delayMs = RETRY_DELAY_MIN_MS;
        deniedOnce = false;
        yield message;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ClusterError)) throw error;
      if (mayBlameToken(error) && !deniedOnce) {
        deniedOnce = true;
        client.forgetToken();
        continue;
      }
      if (!RETRIABLE.has(error.code) || !position.isOpen) throw error;
      position.isLost = true;
      deniedOnce = false;
      yield { type: "lost", error };
      await sleep(delayMs, signal);
      delayMs = Math.min(delayMs * 2, RETRY_DELAY_MAX_MS);
    }
  }
}

/**
 * True of a denial that another token may lift. To older members a token that they do not know is
 * a user without permission, and they say so of a watch.
 */
function mayBlameToken(error: ClusterError): boolean {
  return blamesToken(error) || error.etcdCode === "PermissionDenied";
}

type Stream = ClientDuplexStream<WatchRequest, WatchResponse>;

/** One gRPC stream: returns after a gap and where the cluster has gone back, throws when the stream breaks. */
async function* watchOnce(
  client: EtcdClient,
  target: WatchTarget,
  position: Position,
  signal: AbortSignal,
): AsyncGenerator<WatchMessage> {
  const { url, stream } = await client.openStream(WatchDefinition, WatchDefinition.methods.watch);
  // gRPC emits an error once, perhaps before anybody iterates.
  let failure: ServiceError | undefined;
  stream.on("error", (error: ServiceError) => {
    failure ??= error;
  });
  const cancel = (): void => stream.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  let startedAt = 0;
  const isBehind = (): boolean => position.next !== undefined && position.next <= startedAt;
  const stopAsking = askForProgress(client, url, stream, isBehind);
  try {
    position.part = 0;
    stream.write(createRequest(target, position.next ?? 0));
    for await (const response of stream as AsyncIterable<WatchResponse>) {
      if (response.canceled) {
        yield* afterCancel(response, position, url);
        return;
      }
      if (response.created) {
        const now = await standingOf(client, target.key, position, response.header, signal);
        startedAt = now.revision;
        position.history = now.history;
        if (hasGoneBack(position, startedAt)) {
          yield beginAnew(position, startedAt);
          return;
        }
        if (now.isOther && hasBegun(position)) {
          yield* skipTo(position, startedAt);
          return;
        }
        yield* afterCreate(position, startedAt);
      } else yield* messagesOf(response, position);
    }
    if (failure !== undefined) throw failure;
    client.abandon(url);
    throw new ClusterError("unavailable", "etcd closed the watch", { endpoint: url });
  } catch (error) {
    if (error !== failure) throw error;
    client.abandon(url);
    throw fromStatus(error as ServiceError, url);
  } finally {
    stopAsking();
    signal.removeEventListener("abort", cancel);
    stream.cancel();
  }
}

/** What the old history and the new one hold up to `revision` is not told. */
function skipTo(position: Position, revision: number): WatchMessage[] {
  const from = Math.min(position.next ?? revision, revision);
  return [{ type: "gap", from, compactRevision: revision }, beginAnew(position, revision)];
}

function beginAnew(position: Position, revision: number): WatchMessage {
  position.next = revision + 1;
  position.reached = revision;
  position.isOpen = true;
  return { type: "open", from: position.next, revision, history: position.history };
}

/**
 * Keeps an idle watch's position near the head, so that compaction leaves no gap where nothing
 * happened. Returns how to stop.
 */
function askForProgress(
  client: EtcdClient,
  url: string,
  stream: Stream,
  isBehind: () => boolean,
): () => void {
  let sinceAskedMs = 0;
  let isReliable: boolean | undefined;
  let isAsking = false;
  const ask = async (): Promise<void> => {
    if (isAsking) return;
    isAsking = true;
    try {
      isReliable ??= hasReliableProgress((await statusOf(client, url)).version);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      return;
    } finally {
      isAsking = false;
    }
    const progressRequest = {};
    if (isReliable && stream.writable) stream.write(WatchRequest.fromPartial({ progressRequest }));
  };
  const tick = (): void => {
    sinceAskedMs += CATCH_UP_INTERVAL_MS;
    if (sinceAskedMs < PROGRESS_INTERVAL_MS && !isBehind()) return;
    sinceAskedMs = 0;
    void ask();
  };
  const timer = setInterval(tick, CATCH_UP_INTERVAL_MS);
  return () => clearInterval(timer);
}

/** Older members may report progress past events that they have not yet sent. */
export function hasReliableProgress(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.\-+]/).map(Number);
  if (major !== 3) return major > 3;
  if (minor === 4) return patch >= 31;
  if (minor === 5) return patch >= 13;
  return minor > 5;
}

function createRequest(target: WatchTarget, startRevision: number): WatchRequest {
  const { NODELETE, NOPUT } = WatchCreateRequest_FilterType;
  const filters = target.only === undefined ? [] : [target.only === "put" ? NODELETE : NOPUT];
  const { key, rangeEnd } = target;
  const createRequest = WatchCreateRequest.fromPartial({
    key,
    rangeEnd,
    startRevision,
    filters,
    prevKv: true,
    fragment: true,
  });
  return WatchRequest.fromPartial({ createRequest });
}

function* afterCreate(position: Position, revision: number): Generator<WatchMessage> {
  position.reached = Math.max(position.reached, revision);
  position.next ??= revision + 1;
  const { next: from, history } = position;
  if (!position.isOpen) yield { type: "open", from, revision, history };
  position.isOpen = true;
  if (position.isLost) yield { type: "restored", revision };
  position.isLost = false;
}

function* messagesOf(response: WatchResponse, position: Position): Generator<WatchMessage> {
  const revision = response.header?.revision ?? 0;
  position.reached = Math.max(position.reached, revision);
  if (response.events.length > 0) {
    yield* changesOf(response, position);
    return;
  }
  if (position.next !== undefined && revision >= position.next) {
    position.next = revision + 1;
    yield { type: "progress", revision };
  }
}

/** One message per revision, or several for a large one. */
function* changesOf(response: WatchResponse, position: Position): Generator<WatchMessage> {
  const { events } = response;
  for (let at = 0; at < events.length; ) {
    const revision = events[at]?.kv?.modRevision ?? 0;
    let end = at;
    while (
      end < events.length &&
      end - at < PART_EVENTS_MAX &&
      events[end]?.kv?.modRevision === revision
    ) {
      end++;
    }
    if (position.next !== revision) position.part = 0;
    const goesOn =
      end < events.length ? events[end]?.kv?.modRevision === revision : response.fragment;
    const part = position.part;
    position.part = goesOn ? part + 1 : 0;
    position.next = goesOn ? revision : revision + 1;
    const own = events.slice(at, end).map(eventOf);
    yield { type: "change", revision, events: own, part, isLast: !goesOn };
    at = end;
  }
}

function eventOf(event: Event): WatchEvent {
  return {
    key: event.kv?.key ?? EMPTY_BYTES,
    record: event.type === Event_EventType.DELETE ? undefined : event.kv,
    previous: event.prevKv,
  };
}

function* afterCancel(
  response: WatchResponse,
  position: Position,
  url: string,
): Generator<WatchMessage> {
  const { compactRevision, cancelReason } = response;
  if (compactRevision === 0) {
    const text = cancelReason.replace(/^rpc error: code = \w+ desc = /, "");
    throw fromStatus({ code: status.INVALID_ARGUMENT, details: text }, url);
  }
  const from = position.next ?? compactRevision;
  position.next = compactRevision + 1;
  yield { type: "gap", from, compactRevision };
}

function sleep(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, delayMs);
    signal.addEventListener("abort", finish, { once: true });
  });
}
