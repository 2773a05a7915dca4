import type { Change } from "../mvcc/change.ts";
import type { KeyValueRecord } from "../mvcc/key-value.ts";
import { encodeDeleted, varintLength, writeVarint } from "../mvcc/key-value.ts";
import type { HistoryRow, MvccStore } from "../mvcc/store.ts";

/** Field 11 of a WatchResponse. */
const EVENTS = 0x5a;
const TYPE = 0x08;
const TYPE_DELETE = 1;
const KV = 0x12;
const PREV_KV = 0x1a;

/** What an event is made from: a change of now, or one of the past. */
interface EventSource {
  readonly main: number;
  readonly isDelete: boolean;
  readonly key: Buffer;
  readonly kvBytes: Buffer;
  readonly isCreate: boolean;
  /** What the change replaced, where that is at hand. */
  readonly replaced: () => KeyValueRecord | undefined;
}

/** One change as watchers are told of it: encoded once, however many of them there are. */
export class WatchEvent {
  readonly main: number;
  readonly isDelete: boolean;
  readonly #source: EventSource;
  readonly #store: MvccStore;
  #plain: Buffer | undefined;
  #withPrevious: Buffer | undefined;
  /** Looked for once, when first needed. */
  #previous: { readonly record: KeyValueRecord | undefined } | undefined;

  private constructor(store: MvccStore, source: EventSource) {
    this.main = source.main;
    this.isDelete = source.isDelete;
    this.#source = source;
    this.#store = store;
  }

  static ofChange(store: MvccStore, change: Change): WatchEvent {
    const { main, isDelete, key, isCreate } = change;
    const kvBytes = change.record.bytes;
    const replaced = () => change.previous;
    return new WatchEvent(store, { main, isDelete, key, kvBytes, isCreate, replaced });
  }

  static ofHistory(store: MvccStore, row: HistoryRow): WatchEvent {
    const { main, isDelete, record } = row;
    const { key } = record;
    const kvBytes = isDelete ? encodeDeleted(key, main) : record.bytes;
    const isCreate = !isDelete && record.createRevision === main;
    const replaced = () => undefined;
    return new WatchEvent(store, { main, isDelete, key, kvBytes, isCreate, replaced });
  }

  /** Bytes of what changed and, where it is told, of what was before, about. */
  size(wantsPrevious: boolean): number {
    const { kvBytes, isCreate } = this.#source;
    if (!wantsPrevious || isCreate) return kvBytes.length;
    return kvBytes.length + (this.#before()?.bytes.length ?? 0);
  }

  /**
   * As a field of a WatchResponse, tag and length included.
   * @param wantsPrevious with the key as it was one revision before, if it existed
   */
  encoded(wantsPrevious: boolean): Buffer {
    if (wantsPrevious && !this.#source.isCreate) {
      this.#withPrevious ??= this.#encode(this.#before());
      return this.#withPrevious;
    }
    this.#plain ??= this.#encode(undefined);
    return this.#plain;
  }

  #before(): KeyValueRecord | undefined {
    this.#previous ??= { record: this.#findBefore() };
    return this.#previous.record;
  }

  /** What one transaction did to a key in several steps counts as one. */
  #findBefore(): KeyValueRecord | undefined {
    const replaced = this.#source.replaced();
    if (replaced !== undefined && replaced.modRevision < this.main) return replaced;
    return this.#store.recordAt(this.#source.key, this.main - 1);
  }

  #encode(previous: KeyValueRecord | undefined): Buffer {
    const kv = this.#source.kvBytes;
    const prev = previous?.bytes;
    const typeLength = this.isDelete ? 2 : 0;
    const prevLength = prev === undefined ? 0 : fieldLength(prev.length);
    const length = typeLength + fieldLength(kv.length) + prevLength;
    const bytes = Buffer.allocUnsafe(fieldLength(length));
    bytes[0] = EVENTS;
    let at = writeVarint(bytes, 1, length);
    if (this.isDelete) {
      bytes[at++] = TYPE;
      bytes[at++] = TYPE_DELETE;
    }
    at = writeField(bytes, at, KV, kv);
    if (prev !== undefined) writeField(bytes, at, PREV_KV, prev);
    return bytes;
  }
}

function fieldLength(length: number): number {
  return 1 + varintLength(length) + length;
}

function writeField(bytes: Buffer, start: number, tag: number, field: Buffer): number {
  bytes[start] = tag;
  const at = writeVarint(bytes, start + 1, field.length);
  bytes.set(field, at);
  return at + field.length;
}
