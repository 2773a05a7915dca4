// One watch, followed for as long as somebody reads it. The position is a revision: what comes
// next. It moves only when a whole revision has been handed out, so that after any break the watch
// goes on exactly there, on whatever endpoint answers.
//
//     next ──▶ created ──▶ change* ─┬─▶ stream breaks ─▶ lost … restored ─▶ created at `next`
//                                   └─▶ compacted ─────▶ gap [next, compacted], next = compacted+1
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

export interface WatchTarget {
  readonly key: Buffer;
  /** Empty: the single key. */
  readonly rangeEnd: Buffer;
  /** The first revision wanted; undefined: the next one. */
  readonly startRevision?: number | undefined;
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
  | { readonly type: "open"; readonly from: number; readonly revision: number }
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
  /** Compaction has taken what happened from `from` up to `compactRevision`. */
  | { readonly type: "gap"; readonly from: number; readonly compactRevision: number }
  | { readonly type: "lost"; readonly error: ClusterError }
  /** `revision` is the cluster's when the watch went on. */
  | { readonly type: "restored"; readonly revision: number };

const PART_EVENTS_MAX = 500;
const PROGRESS_INTERVAL_MS = 10_000;
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
  const position: Position = { next: target.startRevision, part: 0, isOpen: false, isLost: false };
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

interface Position {
  /** The revision to deliver next; undefined until the first stream is open. */
  next: number | undefined;
  /** Parts of revision `next` handed out already. */
  part: number;
  /** The reader has been told where the stream begins. */
  isOpen: boolean;
  isLost: boolean;
}

type Stream = ClientDuplexStream<WatchRequest, WatchResponse>;

/** One gRPC stream: returns after a gap, throws when the stream breaks. */
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
  const stopAsking = askForProgress(client, url, stream);
  try {
    position.part = 0;
    stream.write(createRequest(target, position.next ?? 0));
    for await (const response of stream as AsyncIterable<WatchResponse>) {
      if (response.canceled) {
        yield* afterCancel(response, position, url);
        return;
      }
      yield* messagesOf(response, position);
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

/**
 * Keeps an idle watch's position near the head, so that compaction leaves no gap where nothing
 * happened. Returns how to stop.
 */
function askForProgress(client: EtcdClient, url: string, stream: Stream): () => void {
  let isReliable: boolean | undefined;
  const ask = async (): Promise<void> => {
    try {
      isReliable ??= hasReliableProgress((await statusOf(client, url)).version);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      return;
    }
    const progressRequest = {};
    if (isReliable && stream.writable) stream.write(WatchRequest.fromPartial({ progressRequest }));
  };
  const timer = setInterval(() => void ask(), PROGRESS_INTERVAL_MS);
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

function* messagesOf(response: WatchResponse, position: Position): Generator<WatchMessage> {
  const revision = response.header?.revision ?? 0;
  if (response.created) {
    position.next ??= revision + 1;
    if (!position.isOpen) yield { type: "open", from: position.next, revision };
    position.isOpen = true;
    if (position.isLost) yield { type: "restored", revision };
    position.isLost = false;
    return;
  }
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
