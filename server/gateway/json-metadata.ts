import { Metadata } from "../http2/metadata.ts";
import { TIMEOUT_UNIT_MS } from "../http2/request-head.ts";
import type { Exchange } from "./exchange.ts";

const METADATA_PREFIX = "grpc-metadata-";
const GATEWAY_PREFIX = "grpcgateway-";
/** Passed on under a prefix, as grpc-gateway does; of other headers a call knows nothing. */
const PERMANENT_HEADERS = new Set(
  (
    "accept accept-charset accept-language accept-ranges authorization cache-control content-type " +
    "cookie date expect from host if-match if-modified-since if-none-match " +
    "if-schedule-tag-match if-unmodified-since max-forwards origin pragma referer user-agent " +
    "via warning"
  ).split(" "),
);
const TIMEOUT = /^([+-]?\d+)([HMSmun])$/;
/** Timers know no longer time. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;
const INT64_BITS = 64;

export interface CallHead {
  readonly metadata: Metadata;
  /** Undefined: none. A text: what was given instead of one. */
  readonly timeoutMs: number | string | undefined;
}

/** What a call's metadata and deadline are by the headers of its HTTP request. */
export function metadataOf(exchange: Exchange): CallHead {
  const { headerPairs } = exchange;
  const pairs: string[] = [];
  for (let at = 0; at < headerPairs.length; at += 2) {
    const name = headerPairs[at] as string;
    const value = headerPairs[at + 1] as string;
    if (name === "authorization") pairs.push(name, value);
    if (PERMANENT_HEADERS.has(name)) pairs.push(GATEWAY_PREFIX + name, value);
    else if (name.startsWith(METADATA_PREFIX)) {
      pairs.push(name.slice(METADATA_PREFIX.length), value);
    }
  }
  return { metadata: new Metadata(pairs), timeoutMs: timeoutOf(exchange.header("grpc-timeout")) };
}

function timeoutOf(text: string | undefined): number | string | undefined {
  if (text === undefined || text === "") return undefined;
  const [, digits, unit] = TIMEOUT.exec(text) ?? [];
  if (digits === undefined || unit === undefined || !isInt64(digits)) return text;
  const timeoutMs = Number(digits) * (TIMEOUT_UNIT_MS[unit] as number);
  // Go's zero value: as if there were no header.
  if (timeoutMs === 0) return undefined;
  return Math.min(Math.max(0, timeoutMs), TIMEOUT_MS_MAX);
}

function isInt64(digits: string): boolean {
  const number = BigInt(digits);
  return BigInt.asIntN(INT64_BITS, number) === number;
}
