import { writeVarint } from "../mvcc/key-value.ts";
import { ResponseHeader, WatchResponse } from "../proto/gen/rpc.ts";
import type { WatchEvent } from "../watch/watch-event.ts";

const HEADER = 0x0a;
const WATCH_ID = 0x10;
const FRAGMENT = 0x38;
const FIELDS_BYTES_MAX = 64;
/** A larger response does not go through the shared buffer. */
const SCRATCH_BYTES = 64 * 1024;

/** What a response says besides its events. */
export interface WatchNotice {
  readonly watchId: bigint;
  readonly created?: boolean;
  readonly canceled?: boolean;
  readonly compactRevision?: number;
  readonly cancelReason?: string;
}

/**
 * Watch responses as bytes. Events are encoded once wherever they go; a response is a header, an id
 * and their bytes one behind the other.
 */
export class WatchResponses {
  readonly #header: (revision: number) => ResponseHeader;
  readonly #bytesMax: number;
  readonly #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  #headerBytes = Buffer.alloc(0);
  #headerRevision = -1;
  #headerTerm = -1;

  /**
   * @param header the header of a response at a revision
   * @param bytesMax larger responses are split where the client can take it
   */
  constructor(header: (revision: number) => ResponseHeader, bytesMax: number) {
    this.#header = header;
    this.#bytesMax = bytesMax;
  }

  notice(revision: number, notice: WatchNotice): Uint8Array {
    const header = this.#header(revision);
    return WatchResponse.encode(WatchResponse.fromPartial({ ...notice, header })).finish();
  }

  /**
   * Sends events, in one response or, where the client can take it and it would be too large, in
   * several that are marked as parts. `send` must copy.
   */
  events(
    to: { readonly id: bigint; readonly wantsPrevious: boolean; readonly takesFragments: boolean },
    revision: number,
    events: readonly WatchEvent[],
    send: (response: Uint8Array) => void,
  ): void {
    const parts = events.map((event) => event.encoded(to.wantsPrevious));
    const fields = this.#fields(revision, to.id);
    let start = 0;
    if (to.takesFragments) {
      let size = fields.length;
      for (let at = 0; at < parts.length; at++) {
        const length = (parts[at] as Buffer).length;
        if (at > start && size + length > this.#bytesMax) {
          send(this.#join(fields, parts, start, at, true));
          start = at;
          size = fields.length;
        }
        size += length;
      }
    }
    send(this.#join(fields, parts, start, parts.length, false));
  }

  #join(
    fields: Buffer,
    parts: readonly Buffer[],
    start: number,
    end: number,
    isPart: boolean,
  ): Uint8Array {
    let length = fields.length + (isPart ? 2 : 0);
    for (let i = start; i < end; i++) length += (parts[i] as Buffer).length;
    const bytes = length <= SCRATCH_BYTES ? this.#scratch : Buffer.allocUnsafe(length);
    bytes.set(fields, 0);
    let at = fields.length;
    if (isPart) {
      bytes[at++] = FRAGMENT;
      bytes[at++] = 1;
    }
    for (let i = start; i < end; i++) {
      bytes.set(parts[i] as Buffer, at);
      at += (parts[i] as Buffer).length;
    }
    return bytes.subarray(0, length);
  }

  /** Header and watch id. */
  #fields(revision: number, id: bigint): Buffer {
    const header = this.#headerAt(revision);
    const bytes = Buffer.allocUnsafe(header.length + FIELDS_BYTES_MAX);
    bytes[0] = HEADER;
    let at = writeVarint(bytes, 1, header.length);
    bytes.set(header, at);
    at += header.length;
    if (id !== 0n) {
      bytes[at++] = WATCH_ID;
      at = writeId(bytes, at, id);
    }
    return bytes.subarray(0, at);
  }

  #headerAt(revision: number): Buffer {
    const header = this.#header(revision);
    if (revision !== this.#headerRevision || header.raftTerm !== this.#headerTerm) {
      this.#headerBytes = Buffer.from(ResponseHeader.encode(header).finish());
      this.#headerRevision = revision;
      this.#headerTerm = header.raftTerm;
    }
    return this.#headerBytes;
  }
}

function writeId(bytes: Buffer, start: number, id: bigint): number {
  let rest = BigInt.asUintN(64, id);
  let at = start;
  while (rest > 0xffff_ffffn) {
    bytes[at++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  return writeVarint(bytes, at, Number(rest));
}
