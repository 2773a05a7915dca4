// Who changed what by way of the console: a line of JSON in its log for every request with an effect
// that a signed-in user sends, granted or not. Keys are named, values never.
import { tell } from "../console/audit-log.ts";
import { ADDRESS_HEADER, addressIn } from "./front-door.ts";
import { hasEffect } from "./request-input.ts";

export interface Act {
  readonly request: Request;
  readonly requestId: string;
  readonly user: string;
  /** As far as it was understood. */
  readonly body: unknown;
}

/** `mayHaveHappened`: the reply is an error, and does not say that nothing was changed. */
export function auditAct(act: Act, reply: Response, mayHaveHappened?: true): void {
  const { request, requestId, user, body } = act;
  if (!hasEffect(request)) return;
  const { pathname: path, searchParams } = new URL(request.url);
  const target = {
    ...named("key", searchParams.get("key"), "base64url"),
    ...named("key", fieldOf(body, "key"), "base64"),
    ...named("prefix", fieldOf(body, "prefix"), "base64"),
  };
  const address = addressIn(request.headers.get(ADDRESS_HEADER));
  const revision = /^"(\d+)"$/.exec(reply.headers.get("etag") ?? "")?.[1];
  const { method } = request;
  tell("write", {
    requestId,
    user,
    address,
    method,
    path,
    ...target,
    ...leaseIn(body),
    status: reply.status,
    revision,
    mayHaveHappened,
  });
}

export interface DeleteTally {
  /** Of the steps that etcd has confirmed. */
  readonly deleted: number;
  readonly total: number;
  /** Another step may have happened, without an answer that tells. */
  readonly mayBeMore?: true | undefined;
}

/** The end of what was still under way when its reply began. */
export function auditEnd(requestId: string, end: DeleteTally): void {
  tell("delete-prefix ended", { requestId, ...end });
}

function fieldOf(body: unknown, name: string): unknown {
  return typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined;
}

/** What a key was put on: a lease, "0" for none, or one of its own; neither where it was kept. */
function leaseIn(body: unknown) {
  return { lease: fieldOf(body, "lease"), ttlSeconds: fieldOf(body, "ttlSeconds") };
}

/** A key can be as long as etcd takes it; its beginning and its length have to do. */
const NAMED_BYTES_MAX = 1024;
/** Behind the first byte of a character. */
const CONTINUATION_BYTES_MAX = 3;

/** Text where the bytes are text. With the length of the whole where they are not all of it. */
function named(name: string, encoded: unknown, encoding: "base64" | "base64url") {
  if (typeof encoded !== "string") return {};
  const whole = Buffer.from(encoded, encoding);
  const bytes = beginningOf(whole);
  const text = bytes.toString("utf8");
  const isText = Buffer.from(text).equals(bytes);
  return {
    ...(isText ? { [name]: text } : { [`${name}Base64`]: bytes.toString("base64") }),
    ...(bytes.length < whole.length ? { [`${name}Bytes`]: whole.length } : {}),
  };
}

/** Cuts no character of UTF-8 in two. */
function beginningOf(whole: Buffer): Buffer {
  let end = Math.min(whole.length, NAMED_BYTES_MAX);
  const leastEnd = end - CONTINUATION_BYTES_MAX;
  while (end > leastEnd && ((whole[end] ?? 0) & 0xc0) === 0x80) end--;
  return whole.subarray(0, end);
}
