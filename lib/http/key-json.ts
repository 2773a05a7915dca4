import type { FolderChild, KeyChild, PagePosition } from "../etcd/children.ts";
import { ClusterError } from "../etcd/cluster-error.ts";
import type { KeyRecord } from "../etcd/kv.ts";
import { type Child, type KeyMeta, type KeyValue, REQUEST_BYTES_MAX } from "../schema/keys.ts";
import { Problem } from "./problem.ts";

/** `sizeBytes` null: the value was not read. */
export function keyMeta(record: KeyRecord, sizeBytes: number | null): KeyMeta {
  return {
    key: record.key.toString("base64"),
    createRevision: String(record.createRevision),
    modRevision: String(record.modRevision),
    version: String(record.version),
    lease: String(record.lease),
    sizeBytes,
  };
}

export function keyValue(record: KeyRecord): KeyValue {
  const { value } = record;
  return {
    ...keyMeta(record, value.length),
    sizeBytes: value.length,
    value: value.toString("base64"),
  };
}

export function childJson(child: KeyChild | FolderChild, prefix: Buffer, separator: Buffer): Child {
  const key = child.key.toString("base64");
  if (child.kind === "folder") {
    const name = child.key.subarray(prefix.length, child.key.length - separator.length);
    return { kind: "folder", key, name: name.toString("base64"), count: child.count };
  }
  const name = child.key.subarray(prefix.length).toString("base64");
  return { kind: "key", key, name, meta: keyMeta(child.record, child.sizeBytes ?? null) };
}

export function bytesOfUrl(text: string): Buffer {
  return Buffer.from(text, "base64url");
}

/** What stands before the key in a cursor: 6 bytes of count, 4 bytes of page size. */
const CURSOR_HEAD_BYTES = 10;
const PAGE_KEYS_MAX = 50_000;

export function cursorOf(position: PagePosition): string {
  const head = Buffer.alloc(CURSOR_HEAD_BYTES);
  head.writeUIntBE(position.count, 0, 6);
  head.writeUInt32BE(position.pageKeys, 6);
  return Buffer.concat([head, position.child]).toString("base64url");
}

export function positionOf(cursor: string): PagePosition {
  const bytes = bytesOfUrl(cursor);
  if (bytes.length <= CURSOR_HEAD_BYTES)
    throw new Problem("bad-request", "the cursor is malformed");
  return {
    child: bytes.subarray(CURSOR_HEAD_BYTES),
    count: bytes.readUIntBE(0, 6),
    pageKeys: Math.min(bytes.readUInt32BE(6), PAGE_KEYS_MAX),
  };
}

/** Revisions are exact below 2^53; nothing that a cluster can have is refused. */
export function revisionOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const revision = Number(text);
  if (!Number.isSafeInteger(revision)) {
    throw new Problem("bad-request", `${text} is beyond any revision`);
  }
  return revision === 0 ? undefined : revision;
}

/** What the request weighs beside its key and value. */
const FRAMING_BYTES = 512;

/** Says so before etcd does, with the numbers. */
export function refuseOversize(key: Buffer, value: Buffer): void {
  const sizeBytes = key.length + value.length + FRAMING_BYTES;
  if (sizeBytes <= REQUEST_BYTES_MAX) return;
  throw new Problem(
    "too-large",
    `key and value together are ${key.length + value.length} bytes; etcd takes at most 1.5 MiB`,
    { detail: { sizeBytes: key.length + value.length, limitBytes: REQUEST_BYTES_MAX } },
  );
}

export function modified(current: KeyRecord | undefined): ClusterError {
  const message =
    current === undefined
      ? "the key was deleted since it was read"
      : "the key was changed since it was read";
  const detail = { current: current === undefined ? null : keyValue(current) };
  return new ClusterError("modified", message, { detail });
}
