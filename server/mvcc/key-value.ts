import { EMPTY_BYTES } from "../base/bytes.ts";

// mvccpb.KeyValue by hand: fields ascending, zero fields left out. The bytes are what is stored,
// hashed and sent, so there must be exactly one encoding of every record.

const KEY = 0x0a;
const CREATE_REVISION = 0x10;
const MOD_REVISION = 0x18;
const VERSION = 0x20;
const VALUE = 0x2a;
const LEASE = 0x30;

const TWO_32 = 0x1_0000_0000;

export interface KeyValueFields {
  readonly key: Buffer;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly value: Buffer;
  readonly lease: bigint;
}

export function encodeKeyValue(fields: KeyValueFields): Buffer {
  const { key, createRevision, modRevision, version, value, lease } = fields;
  const leaseBits = BigInt.asUintN(64, lease);
  const length =
    bytesFieldLength(key.length) +
    numberFieldLength(createRevision) +
    numberFieldLength(modRevision) +
    numberFieldLength(version) +
    bytesFieldLength(value.length) +
    (lease === 0n ? 0 : 1 + bigVarintLength(leaseBits));
  const bytes = Buffer.allocUnsafe(length);
  let at = writeBytesField(bytes, 0, KEY, key);
  at = writeNumberField(bytes, at, CREATE_REVISION, createRevision);
  at = writeNumberField(bytes, at, MOD_REVISION, modRevision);
  at = writeNumberField(bytes, at, VERSION, version);
  at = writeBytesField(bytes, at, VALUE, value);
  if (lease !== 0n) {
    bytes[at] = LEASE;
    writeBigVarint(bytes, at + 1, leaseBits);
  }
  return bytes;
}

/** What a tombstone's record holds: only the key. */
export function encodeTombstone(key: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(bytesFieldLength(key.length));
  writeBytesField(bytes, 0, KEY, key);
  return bytes;
}

/** What a delete event shows: the key and the revision of its deletion. */
export function encodeDeleted(key: Buffer, modRevision: number): Buffer {
  const bytes = Buffer.allocUnsafe(bytesFieldLength(key.length) + numberFieldLength(modRevision));
  writeNumberField(bytes, writeBytesField(bytes, 0, KEY, key), MOD_REVISION, modRevision);
  return bytes;
}

/** Bytes of the varint of a whole number in [0, 2^53). */
export function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  if (value < 0x1000_0000) return 4;
  let length = 5;
  for (let rest = Math.floor(value / 0x8_0000_0000); rest > 0; rest = rest >>> 7) length++;
  return length;
}

/** Writes the varint of a whole number in [0, 2^53); the offset behind it. */
export function writeVarint(bytes: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest >= TWO_32) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest >= 0x80) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest = rest >>> 7;
  }
  bytes[at++] = rest;
  return at;
}

/**
 * One version of one key. `bytes` is the canonical encoding and goes into responses unchanged; the
 * fields are read from it when first asked for.
 */
export class KeyValueRecord implements KeyValueFields {
  readonly bytes: Buffer;
  #isParsed = false;
  #keyStart = 0;
  #keyEnd = 0;
  #createRevision = 0;
  #modRevision = 0;
  #version = 0;
  /** Of the whole field; its content starts later. */
  #valueField = 0;
  #valueStart = 0;
  #valueEnd = 0;
  #leaseAt = -1;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get key(): Buffer {
    if (!this.#isParsed) this.#parse();
    return this.bytes.subarray(this.#keyStart, this.#keyEnd);
  }

  get createRevision(): number {
    if (!this.#isParsed) this.#parse();
    return this.#createRevision;
  }

  get modRevision(): number {
    if (!this.#isParsed) this.#parse();
    return this.#modRevision;
  }

  get version(): number {
    if (!this.#isParsed) this.#parse();
    return this.#version;
  }

  get value(): Buffer {
    if (!this.#isParsed) this.#parse();
    return this.bytes.subarray(this.#valueStart, this.#valueEnd);
  }

  /** Bytes of the value. */
  get valueLength(): number {
    if (!this.#isParsed) this.#parse();
    return this.#valueEnd - this.#valueStart;
  }

  get lease(): bigint {
    if (!this.#isParsed) this.#parse();
    return this.#leaseAt < 0 ? 0n : readInt64(this.bytes, this.#leaseAt);
  }

  /** The encoding of the same record with an empty value, as `keys_only` answers. */
  get bytesWithoutValue(): Buffer {
    if (!this.#isParsed) this.#parse();
    if (this.#valueEnd === 0) return this.bytes;
    const head = this.bytes.subarray(0, this.#valueField);
    return Buffer.concat([head, this.bytes.subarray(this.#valueEnd)]);
  }

  #parse(): void {
    const { bytes } = this;
    const reader = new FieldReader(bytes);
    while (reader.at < bytes.length) {
      const fieldStart = reader.at;
      const tag = bytes[reader.at++];
      if (tag === KEY) {
        this.#keyStart = reader.content();
        this.#keyEnd = reader.at;
      } else if (tag === CREATE_REVISION) this.#createRevision = reader.varint();
      else if (tag === MOD_REVISION) this.#modRevision = reader.varint();
      else if (tag === VERSION) this.#version = reader.varint();
      else if (tag === VALUE) {
        this.#valueField = fieldStart;
        this.#valueStart = reader.content();
        this.#valueEnd = reader.at;
      } else if (tag === LEASE) {
        this.#leaseAt = reader.at;
        reader.varint();
      } else throw new MalformedRecord(`unknown field ${tag}`);
    }
    this.#isParsed = true;
  }
}

/** Bytes that no writer of records writes: the table was damaged or is from elsewhere. */
class MalformedRecord extends Error {
  override readonly name = "MalformedRecord";
}

/** The key of an encoded record, without reading the rest. */
export function keyOfRecord(bytes: Buffer): Buffer {
  if (bytes.length === 0) return EMPTY_BYTES;
  const reader = new FieldReader(bytes);
  if (bytes[reader.at++] !== KEY) return EMPTY_BYTES;
  const start = reader.content();
  return bytes.subarray(start, reader.at);
}

class FieldReader {
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Exact below 2^53; the callers read nothing larger from it. */
  varint(): number {
    const bytes = this.#bytes;
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[this.at++];
      if (byte === undefined) throw new MalformedRecord("cut short");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
  }

  /** Steps over length and content; where the content starts. */
  content(): number {
    const length = this.varint();
    const start = this.at;
    if (start + length > this.#bytes.length) throw new MalformedRecord("cut short");
    this.at = start + length;
    return start;
  }
}

function bytesFieldLength(length: number): number {
  return length === 0 ? 0 : 1 + varintLength(length) + length;
}

function numberFieldLength(value: number): number {
  return value === 0 ? 0 : 1 + varintLength(value);
}

function writeBytesField(bytes: Buffer, start: number, tag: number, field: Buffer): number {
  if (field.length === 0) return start;
  bytes[start] = tag;
  const at = writeVarint(bytes, start + 1, field.length);
  bytes.set(field, at);
  return at + field.length;
}

function writeNumberField(bytes: Buffer, start: number, tag: number, value: number): number {
  if (value === 0) return start;
  bytes[start] = tag;
  return writeVarint(bytes, start + 1, value);
}

function bigVarintLength(value: bigint): number {
  let length = 1;
  for (let rest = value >> 7n; rest > 0n; rest >>= 7n) length++;
  return length;
}

function writeBigVarint(bytes: Buffer, start: number, value: bigint): void {
  let at = start;
  let rest = value;
  while (rest >= 0x80n) {
    bytes[at++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  bytes[at] = Number(rest);
}

function readInt64(bytes: Buffer, start: number): bigint {
  let value = 0n;
  let shift = 0n;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) break;
    shift += 7n;
  }
  return BigInt.asIntN(64, value);
}
