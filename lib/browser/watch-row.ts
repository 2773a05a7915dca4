import { decodeBase64 } from "../schema/bytes.ts";
import type { KeyValue } from "../schema/keys.ts";
import type { ChangeEvent, WatchEvent } from "../schema/watch.ts";
import { decodeUtf8, formatKey } from "./key-text.ts";

export type WatchOp = "create" | "update" | "delete";

/** One change of one key. Keys and values stay base64 until they are looked at. */
export interface EventRow {
  readonly kind: "event";
  readonly seq: number;
  readonly revision: string;
  /** ISO time at which the console received it, by this browser's clock. */
  readonly receivedAt: string;
  readonly op: WatchOp;
  readonly key: string;
  readonly kv: KeyValue | null;
  readonly previous: KeyValue | null;
}

/** Something that happened to the stream itself, at its place among the events. */
export interface MarkerRow {
  readonly kind: "gap" | "lost" | "resumed";
  readonly seq: number;
  readonly text: string;
}

export type WatchRow = EventRow | MarkerRow;

/** A row that is not in its place yet. */
export type NewRow = WatchRow extends infer Row
  ? Row extends WatchRow
    ? Omit<Row, "seq">
    : never
  : never;

const ROW_BYTES = 200;
const PREVIEW_BYTES = 240;
const SPACE = 0x20;
/** Tab, line feed, carriage return. */
const BREAKS: readonly number[] = [0x09, 0x0a, 0x0d];

/** Memory that a row holds, roughly. */
export function rowBytes(row: WatchRow): number {
  if (row.kind !== "event") return ROW_BYTES;
  return ROW_BYTES + row.key.length + valueLength(row.kv) + valueLength(row.previous);
}

function valueLength(kv: KeyValue | null): number {
  return kv === null ? 0 : kv.value.length + kv.key.length;
}

/** Hot path: thousands of these a second, written by the console itself; only the frame is judged. */
export function readChange(data: string): ChangeEvent {
  const change = JSON.parse(data) as Partial<ChangeEvent> | null;
  const isChange =
    change !== null &&
    typeof change.revision === "string" &&
    typeof change.receivedAt === "string" &&
    Array.isArray(change.events);
  if (!isChange) throw new TypeError("The stream's message is malformed.");
  return change as ChangeEvent;
}

export function opOf(event: WatchEvent): WatchOp {
  if (event.type === "delete") return "delete";
  return event.kv?.version === "1" ? "create" : "update";
}

/** The beginning of the value, of a delete what it took, on one line in the notation of keys. */
export function previewOf(row: EventRow): string {
  const value = valueOf(row);
  if (value === undefined) return "";
  const cut = decodeBase64(value.slice(0, Math.ceil(PREVIEW_BYTES / 3) * 4));
  const line = cut.map((byte) => (BREAKS.includes(byte) ? SPACE : byte));
  return formatKey(line).replace(/ +/g, " ").slice(0, PREVIEW_BYTES);
}

function valueOf({ kv, previous }: EventRow): string | undefined {
  return (kv ?? previous)?.value;
}

/** True when the key's notation or the text of the value shown holds `wanted`, in any case. */
export function matchesText(row: WatchRow, wanted: string): boolean {
  if (row.kind !== "event") return true;
  const low = wanted.toLowerCase();
  if (formatKey(decodeBase64(row.key)).toLowerCase().includes(low)) return true;
  const value = valueOf(row);
  if (value === undefined) return false;
  return decodeUtf8(decodeBase64(value))?.toLowerCase().includes(low) ?? false;
}
