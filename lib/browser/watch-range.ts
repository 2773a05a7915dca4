// What a watch is about: one key, all keys with a prefix, or the keys of [start, end).

import { encodeBase64Url } from "../schema/bytes.ts";
import { equalBytes, formatKey, type ParsedKey, parseKey } from "./key-text.ts";

export type WatchRange =
  | { readonly kind: "key" | "prefix"; readonly bytes: Uint8Array }
  | { readonly kind: "range"; readonly start: Uint8Array; readonly end: Uint8Array };

/** etcd's sign for a range without an end. */
const OPEN_END = Uint8Array.of(0);

export function isOpenEnd(end: Uint8Array): boolean {
  return equalBytes(end, OPEN_END);
}

export const ALL_KEYS: WatchRange = { kind: "prefix", bytes: new Uint8Array(0) };

/** Why etcd would refuse it, or null. */
export function rangeFault(range: WatchRange): string | null {
  if (range.kind === "range") {
    if (isOpenEnd(range.end) || isBefore(range.start, range.end)) return null;
    return "The range is empty: its end must come after its start.";
  }
  const isEmpty = range.kind === "key" && range.bytes.length === 0;
  return isEmpty ? "A key has at least one byte." : null;
}

function isBefore(a: Uint8Array, b: Uint8Array): boolean {
  const differs = a.findIndex((byte, at) => byte !== b[at]);
  if (differs < 0) return a.length < b.length;
  return (a[differs] ?? 0) < (b[differs] ?? -1);
}

/** As the parameters of an address, in the notation of keys. */
export function rangeParams(range: WatchRange): Readonly<Record<string, string>> {
  if (range.kind !== "range") return { [range.kind]: formatKey(range.bytes) };
  return { start: formatKey(range.start), end: formatKey(range.end) };
}

/** As the console's API takes it. */
export function rangeQuery(range: WatchRange): Readonly<Record<string, string>> {
  if (range.kind !== "range") return { [range.kind]: encodeBase64Url(range.bytes) };
  return { start: encodeBase64Url(range.start), end: encodeBase64Url(range.end) };
}

export type ReadRange =
  | { readonly ok: true; readonly range: WatchRange | null }
  | { readonly ok: false; readonly error: string };

/** The inverse of rangeParams; null when the address names none. No end is an open one. */
export function readRange(params: URLSearchParams): ReadRange {
  const bytesOf = (name: string): ParsedKey => parseKey(params.get(name) ?? "");
  for (const kind of ["prefix", "key"] as const) {
    if (params.get(kind) === null) continue;
    const parsed = bytesOf(kind);
    if (!parsed.ok) return { ok: false, error: `The ${kind} is not understood. ${parsed.error}` };
    return checked({ kind, bytes: parsed.bytes });
  }
  if (params.get("start") === null && params.get("end") === null) return { ok: true, range: null };
  const start = bytesOf("start");
  const end = bytesOf("end");
  if (!start.ok) return { ok: false, error: `The start is not understood. ${start.error}` };
  if (!end.ok) return { ok: false, error: `The end is not understood. ${end.error}` };
  return checked({
    kind: "range",
    start: start.bytes,
    end: end.bytes.length === 0 ? OPEN_END : end.bytes,
  });
}

function checked(range: WatchRange): ReadRange {
  const error = rangeFault(range);
  return error === null ? { ok: true, range } : { ok: false, error };
}
