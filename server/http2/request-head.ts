import { Status } from "../errors.ts";
import { type HeaderField, HeaderKind } from "./header-field.ts";
import { isKnownEncoding } from "./message-compression.ts";
import { Metadata } from "./metadata.ts";

/** Why a request is answered without being looked at further. */
interface Refusal {
  /** HTTP's status, for peers that speak no gRPC. */
  readonly httpStatus: number;
  readonly status: Status;
  readonly text: string;
}

/** A request that is no call of gRPC. */
export interface PlainHead {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Name in lower case, value, name, value …; `:authority` comes as `host`. */
  readonly headerPairs: readonly string[];
  /** What it takes to keep it, as HTTP/2 counts headers. */
  readonly bytes: number;
}

/** What a request's header block says. One object serves all requests with the same block. */
export interface RequestHead {
  readonly path: string;
  readonly metadata: Metadata;
  /** From `grpc-timeout`, in ms; 0 for a time that has passed. */
  readonly timeoutMs: number | undefined;
  /** `grpc-encoding` */
  readonly encoding: string | undefined;
  readonly refusal: Refusal | undefined;
  /** The same as an ordinary request, where it is none of gRPC. */
  readonly plain: PlainHead | undefined;
  /** What it takes to keep it without `plain`, as HTTP/2 counts headers. */
  readonly bytes: number;
}

/** Digits and unit. */
const TIMEOUT_LENGTH_MIN = 2;
const TIMEOUT_LENGTH_MAX = 9;
/** Milliseconds in each unit of a `grpc-timeout`. */
export const TIMEOUT_UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};
/** Nothing at all is answered in so little, and a timer would give it longer. */
const TIMEOUT_MS_MIN = 0.01;
const GRPC_CONTENT = /^application\/grpc([+;]|$)/;

/** Undefined for what is no well-formed HTTP/2 request: the stream is reset. */
export function readRequestHead(fields: readonly HeaderField[]): RequestHead | undefined {
  let path: string | undefined;
  let method: string | undefined;
  let contentType: string | undefined;
  let timeout: string | undefined;
  let encoding: string | undefined;
  let bytes = 0;
  const pairs: string[] = [];
  for (const field of fields) {
    const { name, value, kind } = field;
    if (kind === HeaderKind.OTHER) continue;
    if (kind === HeaderKind.PATH) path = value;
    else if (kind === HeaderKind.METHOD) method = value;
    else if (kind === HeaderKind.CONTENT_TYPE) contentType = value;
    else if (kind === HeaderKind.TIMEOUT) timeout = value;
    else if (kind === HeaderKind.ENCODING) encoding = value;
    else if (kind === HeaderKind.METADATA) {
      // Each once: a field of one byte may stand for the same long value a thousand times.
      if (isNamedIn(pairs, name)) continue;
      pairs.push(name, value);
      bytes += field.size;
    } else if (kind !== HeaderKind.IGNORED) return undefined;
  }
  if (path === undefined || method === undefined) return undefined;
  const timeoutMs = timeout === undefined ? undefined : parseTimeout(timeout);
  return {
    path,
    metadata: pairs.length === 0 ? Metadata.EMPTY : new Metadata(pairs),
    timeoutMs: typeof timeoutMs === "number" ? timeoutMs : undefined,
    encoding,
    refusal: refusalOf(path, method, contentType, timeoutMs, encoding),
    plain: isGrpc(contentType) ? undefined : plainHead(method, path, fields),
    bytes: bytes + path.length,
  };
}

function isNamedIn(pairs: readonly string[], name: string): boolean {
  for (let at = 0; at < pairs.length; at += 2) if (pairs[at] === name) return true;
  return false;
}

function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && GRPC_CONTENT.test(contentType);
}

function plainHead(method: string, target: string, fields: readonly HeaderField[]): PlainHead {
  const headerPairs = fields.flatMap(({ name, value }) => {
    if (name === ":authority") return ["host", value];
    return name.startsWith(":") ? [] : [name, value];
  });
  const bytes = fields.reduce((sum, field) => sum + field.size, 0);
  return { method, target, headerPairs, bytes };
}

/** `5S`, `250m`: at most eight digits and a unit. A text says what is wrong, in grpc-go's words. */
function parseTimeout(value: string): number | string {
  const shown = JSON.stringify(value);
  if (value.length < TIMEOUT_LENGTH_MIN) return `transport: timeout string is too short: ${shown}`;
  if (value.length > TIMEOUT_LENGTH_MAX) return `transport: timeout string is too long: ${shown}`;
  const unit = TIMEOUT_UNIT_MS[value.at(-1) as string];
  if (unit === undefined) return `transport: timeout unit is not recognized: ${shown}`;
  const digits = value.slice(0, -1);
  if (!/^[+-]?\d+$/.test(digits)) return `strconv.ParseInt: parsing "${digits}": invalid syntax`;
  return Math.max(0, Number(digits) * unit);
}

function refusalOf(
  path: string,
  method: string,
  contentType: string | undefined,
  timeout: number | string | undefined,
  encoding: string | undefined,
): Refusal | undefined {
  const refuse = (httpStatus: number, status: Status, text: string): Refusal => ({
    httpStatus,
    status,
    text,
  });
  if (!isGrpc(contentType)) {
    const shown = JSON.stringify(contentType ?? "");
    return refuse(415, Status.INVALID_ARGUMENT, `invalid gRPC request content-type ${shown}`);
  }
  if (method !== "POST") {
    const shown = JSON.stringify(method);
    const text = `Received a HEADERS frame with :method ${shown} which should be POST`;
    return refuse(405, Status.INTERNAL, text);
  }
  if (typeof timeout === "string") {
    return refuse(400, Status.INTERNAL, `malformed grpc-timeout: ${timeout}`);
  }
  if (!path.startsWith("/")) {
    const text = `malformed method name: ${JSON.stringify(path)}`;
    return refuse(200, Status.UNIMPLEMENTED, text);
  }
  if (!isKnownEncoding(encoding)) {
    const name = JSON.stringify(encoding);
    const text = `grpc: Decompressor is not installed for grpc-encoding ${name}`;
    return refuse(200, Status.UNIMPLEMENTED, text);
  }
  if (timeout !== undefined && timeout <= TIMEOUT_MS_MIN) {
    return refuse(200, Status.DEADLINE_EXCEEDED, "context deadline exceeded");
  }
  return undefined;
}
