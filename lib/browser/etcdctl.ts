// The same action as a command, to be read, learnt from and pasted into a POSIX shell. Arguments
// cannot hold a zero byte; where one would be needed there is no command.

import { hexOfDecimal } from "../schema/bytes.ts";
import { decodeUtf8, equalBytes, prefixEnd } from "./key-text.ts";
import type { LeaseChoice } from "./lease-choice.ts";
import type { WatchRange } from "./watch-range.ts";

const PLAIN_WORD = /^[A-Za-z0-9_@%+:,./-]+$/;
const PRINTABLE = /^[\P{C}\n\t]*$/u;

/**
 * One shell word that means exactly these bytes, or null when no word can. That of no bytes is, as a
 * prefix, the whole key space to etcdctl.
 */
export function shellWord(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null;
  const text = decodeUtf8(bytes);
  if (text !== null && PLAIN_WORD.test(text) && !text.startsWith("-")) return text;
  if (text !== null && PRINTABLE.test(text)) return `'${text.replaceAll("'", "'\\''")}'`;
  let word = "$'";
  for (const byte of bytes) {
    if (byte === 0x27 || byte === 0x5c) word += `\\${String.fromCharCode(byte)}`;
    else if (byte >= 0x20 && byte < 0x7f) word += String.fromCharCode(byte);
    else word += `\\${byte.toString(8).padStart(3, "0")}`;
  }
  return `${word}'`;
}

/** Joins words; null when one of them is. Words that start with a dash follow "--". */
function command(verb: string, flags: readonly string[], words: readonly (string | null)[]) {
  if (words.includes(null)) return null;
  const guard = words.some((word) => word !== null && /^'?-/.test(word)) ? ["--"] : [];
  return ["etcdctl", verb, ...flags, ...guard, ...words].join(" ");
}

export function getCommand(key: Uint8Array, revision?: string): string | null {
  return command("get", revision === undefined ? [] : [`--rev=${revision}`], [shellWord(key)]);
}

export function putCommand(key: Uint8Array, value: Uint8Array, keepsLease: boolean): string | null {
  return command("put", keepsLease ? ["--ignore-lease"] : [], [shellWord(key), shellWord(value)]);
}

/** etcdctl overwrites what is there; the console would not. */
export function createCommand(
  key: Uint8Array,
  value: Uint8Array,
  lease: LeaseChoice,
): string | null {
  return command("put", leaseFlags(lease), [shellWord(key), shellWord(value)]);
}

/** "lease 694d… granted with TTL(60s)" is what a grant prints. */
function leaseFlags(lease: LeaseChoice): string[] {
  switch (lease.kind) {
    case "none":
      return [];
    case "existing":
      return [`--lease=${hexOfDecimal(lease.id)}`];
    case "new":
      return [`--lease="$(etcdctl lease grant ${lease.ttlSeconds} | cut -d' ' -f2)"`];
  }
}

export function deleteCommand(key: Uint8Array): string | null {
  return command("del", [], [shellWord(key)]);
}

export function watchCommand(range: WatchRange, revision?: string): string | null {
  const flags = revision === undefined ? [] : [`--rev=${revision}`];
  if (range.kind === "range") {
    // No word can hold the zero byte of an open end.
    return command("watch", flags, [shellWord(range.start), shellWord(range.end)]);
  }
  if (range.kind === "key") return command("watch", flags, [shellWord(range.bytes)]);
  return command("watch", ["--prefix", ...flags], [shellWord(range.bytes)]);
}

export function listCommand(prefix: Uint8Array, revision?: string): string | null {
  const flags = revision === undefined ? [] : [`--rev=${revision}`];
  return command("get", ["--prefix", "--keys-only", ...flags], [shellWord(prefix)]);
}

export function deletePrefixCommand(prefix: Uint8Array): string | null {
  return command("del", ["--prefix"], [shellWord(prefix)]);
}

/** True where the prefix has no upper neighbour: the range is open. */
export function isOpenRange(prefix: Uint8Array): boolean {
  return equalBytes(prefixEnd(prefix), Uint8Array.of(0));
}
