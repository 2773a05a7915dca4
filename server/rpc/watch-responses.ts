import { Status } from "../errors.ts";
import { writeVarint } from "../mvcc/key-value.ts";
import { ResponseHeader, WatchResponse } from "../proto/gen/rpc.ts";
import type { PackedEvents } from "../watch/packed-events.ts";
import type { WatchEvent } from "../watch/watch-event.ts";
import { StatusError } from "./call-errors.ts";

const HEADER = 0x0a;
const WATCH_ID = 0x10;
const FIELDS_BYTES_MAX = 64;
/** A larger response is not joined into the shared buffer. */
const SCRATCH_BYTES = 64 * 1024;
/** Of one response, which is held whole; grpc-go's own limit is 2 GiB. */
const RESPONSE_BYTES_MAX = 512 * 1024 * 1024;
/** The field that marks a part. */
const FRAGMENT = Buffer.from([0x38, 1]);
const FRAGMENT_BYTES = FRAGMENT.length;

/** The watcher that a response is for. */
interface Recipient {
  readonly id: bigint;
  readonly wantsPrevious: boolean;
  readonly takesFragments: boolean;
}

/** Of one response. A single one is copied by who takes it, several do not change any more. */
export type ResponsePieces = readonly Uint8Array[];
type SendResponse = (pieces: ResponsePieces) => void;

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
   * @param bytesMax responses of this size and larger are split where the client can take it
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
   * several that are marked as parts.
   * @throws StatusError RESOURCE_EXHAUSTED, and what `send` throws
   */
  events(to: Recipient, revision: number, events: readonly WatchEvent[], send: SendResponse): void {
    const fields = this.#fields(revision, to.id);
    const isSplit = to.takesFragments && events.length > 1;
    const bytesMax = isSplit ? this.#bytesMax : RESPONSE_BYTES_MAX;
    const parts: Buffer[] = [];
    let length = fields.length;
    for (const event of events) {
      const part = event.encoded(to.wantsPrevious);
      parts.push(part);
      length += part.length;
      if (length < bytesMax) continue;
      if (!isSplit) throw tooLarge(length);
      this.#split(fields, events, to.wantsPrevious, send);
      return;
    }
    send(this.#join(fields, parts, false));
  }

  /** Of the events in one response of `packed`. */
  eventBytesMax(to: Recipient, revision: number): number {
    const bytesMax = to.takesFragments ? this.#bytesMax - FRAGMENT_BYTES : RESPONSE_BYTES_MAX;
    // It is reached only by what is too large.
    return bytesMax - this.#fields(revision, to.id).length - 1;
  }

  /**
   * One response, marked where it is a part.
   * @throws StatusError RESOURCE_EXHAUSTED
   */
  packed(to: Recipient, revision: number, events: PackedEvents, isPart: boolean): ResponsePieces {
    const fields = this.#fields(revision, to.id);
    const length = fields.length + (isPart ? FRAGMENT_BYTES : 0) + events.length;
    if (length >= RESPONSE_BYTES_MAX) throw tooLarge(length);
    return this.#join(fields, events.pieces(), isPart);
  }

  /** As etcd: a part is as long as it stays below the limit, and has one event at least. */
  #split(
    fields: Buffer,
    events: readonly WatchEvent[],
    wantsPrevious: boolean,
    send: SendResponse,
  ): void {
    let parts: Buffer[] = [];
    let length = fields.length + FRAGMENT_BYTES;
    for (const event of events) {
      const part = event.encoded(wantsPrevious);
      if (parts.length > 0 && length + part.length >= this.#bytesMax) {
        send(this.#join(fields, parts, true));
        parts = [];
        length = fields.length + FRAGMENT_BYTES;
      }
      parts.push(part);
      length += part.length;
    }
    send(this.#join(fields, parts, false));
  }

  #join(fields: Buffer, parts: readonly Buffer[], isPart: boolean): ResponsePieces {
    const pieces = isPart ? [fields, FRAGMENT, ...parts] : [fields, ...parts];
    let length = 0;
    for (const piece of pieces) length += piece.length;
    if (length > SCRATCH_BYTES) return pieces;
    let at = 0;
    for (const piece of pieces) {
      this.#scratch.set(piece, at);
      at += piece.length;
    }
    return [this.#scratch.subarray(0, length)];
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

/** In grpc-go's words. */
function tooLarge(length: number): StatusError {
  const text = `trying to send message larger than max (${length} vs. ${RESPONSE_BYTES_MAX})`;
  return new StatusError(Status.RESOURCE_EXHAUSTED, text);
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
