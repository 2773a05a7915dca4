import type { Outcome } from "../apply/outcome.ts";
import { totalSize } from "../apply/response.ts";
import type { Steps } from "../base/steps.ts";
import { EtcdError } from "../errors.ts";
import type { ResponseHeader } from "../proto/gen/rpc.ts";
import { uint64Size, uintSize, writeUint, writeUint64 } from "../proto/wire.ts";

const TAG_HEADER = 0x0a;
const TAG_CLUSTER_ID = 0x08;
const TAG_MEMBER_ID = 0x10;
const TAG_REVISION = 0x18;
const TAG_RAFT_TERM = 0x20;

/** What etcd sends at most, and its clients take: the largest length of Go's gRPC. */
export const RESPONSE_BYTES_MAX = 2 ** 31 - 1;

/** Copied of a long response in one slice, bytes, but for the rest of a piece. */
export const COPIED_BYTES = 4 * 1024 * 1024;

/** Of a header as a field, at most: a tag, a length, and four numbers. */
export const HEADER_ROOM = 64;

export interface HeaderSource {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** The raft term of now. */
  readonly term: () => number;
  /** The store's revision of now. */
  readonly revision: () => number;
}

/** A response without its header. */
type Reply = Pick<Outcome, "revision" | "chunks">;

/** Response headers: who answers, at which revision, in which term. */
export class Headers {
  readonly #source: HeaderSource;
  /** cluster_id and member_id, encoded once. */
  readonly #ids: Buffer;

  constructor(source: HeaderSource) {
    this.#source = source;
    const { clusterId, memberId } = source;
    this.#ids = Buffer.alloc(2 + uint64Size(clusterId) + uint64Size(memberId));
    this.#ids[0] = TAG_CLUSTER_ID;
    const at = writeUint64(this.#ids, 1, clusterId);
    this.#ids[at] = TAG_MEMBER_ID;
    writeUint64(this.#ids, at + 1, memberId);
  }

  /** With the store's present revision. */
  now(): ResponseHeader {
    return this.at(this.#source.revision());
  }

  at(revision: number): ResponseHeader {
    const { clusterId, memberId, term } = this.#source;
    return { clusterId, memberId, revision, raftTerm: term() };
  }

  /** Replies about the cluster show no revision. */
  withoutRevision(): ResponseHeader {
    return this.at(0);
  }

  /**
   * A whole response: the header as field 1, behind it the rest of the message.
   * @throws EtcdError ResponseTooLarge
   */
  reply({ revision, chunks }: Reply): Buffer {
    const { bytes, start } = this.#begin(revision, totalSize(chunks));
    let at = start;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }

  /** As `reply`, in slices. */
  *replying({ revision, chunks }: Reply): Steps<Buffer> {
    const { bytes, start } = this.#begin(revision, totalSize(chunks));
    yield* joining(chunks, bytes, start);
    return bytes;
  }

  /**
   * As `reply`, without a copy.
   * @param bytes the rest of the message behind HEADER_ROOM bytes, into which the header is written
   * @throws EtcdError ResponseTooLarge
   */
  replyInRoom(revision: number, bytes: Buffer): Buffer {
    const term = this.#source.term();
    const length = this.#lengthOf(revision, term);
    const start = HEADER_ROOM - (1 + uintSize(length) + length);
    if (bytes.length - start > RESPONSE_BYTES_MAX) throw new EtcdError("ResponseTooLarge");
    this.#write(bytes, start, length, revision, term);
    return bytes.subarray(start);
  }

  /** Room for a whole response, the header written, and where the rest of so many bytes begins. */
  #begin(revision: number, rest: number): { readonly bytes: Buffer; readonly start: number } {
    const term = this.#source.term();
    const length = this.#lengthOf(revision, term);
    const total = 1 + uintSize(length) + length + rest;
    if (total > RESPONSE_BYTES_MAX) throw new EtcdError("ResponseTooLarge");
    const bytes = Buffer.allocUnsafe(total);
    return { bytes, start: this.#write(bytes, 0, length, revision, term) };
  }

  #lengthOf(revision: number, term: number): number {
    return this.#ids.length + fieldSize(revision) + fieldSize(term);
  }

  /** Behind it. */
  #write(bytes: Buffer, start: number, length: number, revision: number, term: number): number {
    bytes[start] = TAG_HEADER;
    const at = writeUint(bytes, start + 1, length);
    bytes.set(this.#ids, at);
    const behindIds = writeField(bytes, at + this.#ids.length, TAG_REVISION, revision);
    return writeField(bytes, behindIds, TAG_RAFT_TERM, term);
  }
}

/** Copies the pieces of a long response behind one another, in slices. */
export function* joining(chunks: Iterable<Buffer>, target: Buffer, start: number): Steps<void> {
  let at = start;
  let copied = 0;
  for (const chunk of chunks) {
    if (copied >= COPIED_BYTES) {
      yield;
      copied = 0;
    }
    target.set(chunk, at);
    at += chunk.length;
    copied += chunk.length;
  }
}

function fieldSize(value: number): number {
  return value === 0 ? 0 : 1 + uintSize(value);
}

function writeField(bytes: Buffer, at: number, tag: number, value: number): number {
  if (value === 0) return at;
  bytes[at] = tag;
  return writeUint(bytes, at + 1, value);
}
