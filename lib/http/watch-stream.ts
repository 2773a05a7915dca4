// A watch as the browser reads it: messages of lib/etcd/watch in JSON, each with the id to resume
// behind.
import { rangeOfPrefix } from "../etcd/children.ts";
import type { EtcdClient } from "../etcd/client.ts";
import { OPEN_END } from "../etcd/kv.ts";
import { type WatchEvent as EtcdEvent, followWatch, type WatchMessage } from "../etcd/watch.ts";
import type { WatchHistory } from "../etcd/watch-position.ts";
import type { WatchEvent, WatchQuery } from "../schema/watch.ts";
import type { RouteInput } from "./handler.ts";
import { bytesOfUrl, keyValue, revisionOf } from "./key-json.ts";
import { Problem } from "./problem.ts";
import { apiErrorOf, logUnexpected } from "./reply.ts";
import { type SseMessage, sseReply } from "./sse.ts";

/** What the browser has seen goes before what the address asks for. */
export function startRevision(query: WatchQuery, lastEventId: string | null): number | undefined {
  if (lastEventId === null || lastEventId === "") return revisionOf(query.revision);
  const seen = /^\d{1,16}$/.test(lastEventId) ? Number(lastEventId) : Number.NaN;
  if (!Number.isSafeInteger(seen)) {
    throw new Problem("bad-request", "Last-Event-ID is not a revision");
  }
  return seen + 1;
}

/** What the browser has seen is of this history; undefined while it has seen nothing. */
function seenHistory({ clusterId, raftTerm }: WatchQuery): WatchHistory | undefined {
  if (clusterId === undefined && raftTerm === undefined) return undefined;
  return { clusterId: BigInt(clusterId ?? "0"), raftTerm: Number(raftTerm ?? "0") };
}

/** Streams open at once, over all tabs of one user. */
const STREAMS_MAX = 64;
const RETRY_SECONDS = 10;
let streams = 0;

/** Answers once the watch stands; before that, an error is a plain error reply. */
export async function watchReply(
  input: RouteInput<WatchQuery, unknown>,
  from: number | undefined,
): Promise<Response> {
  if (streams >= STREAMS_MAX) {
    const message = "too many watches are open; close some";
    throw new Problem("too-many-requests", message, { retryAfterSeconds: RETRY_SECONDS });
  }
  const { client, query, requestId } = input;
  const control = new AbortController();
  const abort = (): void => control.abort();
  input.signal.addEventListener("abort", abort, { once: true });
  const source = watchMessages(client, query, from, { signal: control.signal, requestId });
  streams++;
  try {
    const first = await source.next();
    return sseReply({
      requestId,
      messages: first.done ? source : startingWith(first.value, source),
      cancelled: () => {
        streams--;
        abort();
      },
      failure: (error) => failureMessage(error, requestId),
      isAllowed: input.isStillSignedIn,
      farewell: failureMessage(new Problem("unauthenticated", "the session has ended"), requestId),
    });
  } catch (error) {
    streams--;
    throw error;
  }
}

async function* startingWith(
  first: SseMessage,
  rest: AsyncGenerator<SseMessage>,
): AsyncGenerator<SseMessage> {
  yield first;
  yield* rest;
}

function failureMessage(error: unknown, requestId: string): SseMessage {
  const body = apiErrorOf(error, requestId);
  if (body.code === "internal") logUnexpected(error, requestId);
  return { event: "failure", data: { error: body } };
}

async function* watchMessages(
  client: EtcdClient,
  query: WatchQuery,
  from: number | undefined,
  context: { readonly signal: AbortSignal; readonly requestId: string },
): AsyncGenerator<SseMessage> {
  const target = {
    ...rangeOf(query),
    startRevision: from,
    seenHistory: seenHistory(query),
    only: query.only,
  };
  for await (const message of followWatch(client, target, context.signal)) {
    yield sseOf(message, context.requestId);
  }
}

function rangeOf({ key, prefix, start, end }: WatchQuery): { key: Buffer; rangeEnd: Buffer } {
  if (key !== undefined) return { key: bytesOfUrl(key), rangeEnd: Buffer.alloc(0) };
  if (start === undefined) return rangeOfPrefix(bytesOfUrl(prefix ?? ""));
  const first = start === "" ? Buffer.from([0]) : bytesOfUrl(start);
  const rangeEnd = end === undefined || end === "" ? OPEN_END : bytesOfUrl(end);
  if (!rangeEnd.equals(OPEN_END) && Buffer.compare(first, rangeEnd) >= 0) {
    throw new Problem("bad-request", "the range is empty: its end must come after its start");
  }
  return { key: first, rangeEnd };
}

function sseOf(message: WatchMessage, requestId: string): SseMessage {
  switch (message.type) {
    case "open": {
      const { from, revision, history } = message;
      const clusterId = String(history.clusterId);
      const raftTerm = String(history.raftTerm);
      const data = { from: String(from), revision: String(revision), clusterId, raftTerm };
      return { event: "open", data, id: String(from - 1) };
    }
    case "change": {
      const revision = String(message.revision);
      const { part, isLast } = message;
      const events = message.events.map(eventOf);
      const receivedAt = new Date().toISOString();
      const data = { revision, receivedAt, part, isLast, events };
      return { event: "change", data, id: isLast ? revision : undefined };
    }
    case "progress":
      return {
        event: "progress",
        data: { revision: String(message.revision) },
        id: String(message.revision),
      };
    case "gap": {
      const compactRevision = String(message.compactRevision);
      const data = { from: String(message.from), compactRevision };
      return { event: "reset", data, id: compactRevision };
    }
    case "lost":
      return {
        event: "link",
        data: { state: "lost", error: apiErrorOf(message.error, requestId), revision: null },
      };
    case "restored":
      return {
        event: "link",
        data: { state: "restored", error: null, revision: String(message.revision) },
      };
  }
}

function eventOf(event: EtcdEvent): WatchEvent {
  const { key, record, previous } = event;
  return {
    type: record === undefined ? "delete" : "put",
    key: key.toString("base64"),
    kv: record === undefined ? null : keyValue(record),
    previous: previous === undefined ? null : keyValue(previous),
  };
}
