// The stream for appends, which follow each other without a gap: both ends remember term and index
// of the last one and say them again only when they jump.
//
//   00                                             heartbeat
//   01 count (size entry){count} commit            continues where the last frame ended
//   02 size message                                any append, whole
//
// Counts, sizes and the commit are 8 bytes each, big endian. A frame of kind 01 means an append
// with term = logTerm = the term remembered, and index = the index remembered before it.
import { EMPTY_BYTES } from "../base/bytes.ts";
import {
  decodeEntry,
  decodeMessage,
  ENTRIES_PER_MESSAGE_MAX,
  entrySize,
  messageSize,
  writeEntry,
  writeMessage,
} from "../proto/codec.ts";
import { WireError } from "../proto/wire.ts";
import type { Entry } from "../raft/entry.ts";
import { type Message, MessageType } from "../raft/message.ts";
import { FrameInput } from "./frame-input.ts";
import {
  FRAME_BYTES_MAX,
  type FrameDecoder,
  type FrameEncoder,
  type MessageSink,
  writeLength,
} from "./frames.ts";

const NO_ENTRIES: readonly Entry[] = [];

const Kind = { HEARTBEAT: 0, CONTINUATION: 1, WHOLE: 2 } as const;

export class MsgAppEncoder implements FrameEncoder {
  readonly heartbeat: Buffer = Buffer.from([Kind.HEARTBEAT]);
  #term = 0;
  #index = 0;

  sizeMax(message: Message): number {
    const withoutEntries = messageSize({ ...message, entries: NO_ENTRIES });
    return 17 + withoutEntries + entryBlock(message.entries).length;
  }

  write(target: Buffer, offset: number, message: Message): number {
    const isContinuation =
      this.#index === message.index &&
      this.#term === message.logTerm &&
      message.logTerm === message.term;
    if (isContinuation) return this.#writeContinuation(target, offset, message);
    const start = offset + 9;
    const end = writeMessage(target, start, message);
    target[offset] = Kind.WHOLE;
    writeLength(target, offset + 1, end - start);
    this.#term = message.term;
    this.#index = message.entries.at(-1)?.index ?? message.index;
    return end;
  }

  #writeContinuation(target: Buffer, offset: number, message: Message): number {
    target[offset] = Kind.CONTINUATION;
    let at = writeLength(target, offset + 1, message.entries.length);
    at += entryBlock(message.entries).copy(target, at);
    this.#index += message.entries.length;
    return writeLength(target, at, message.commit);
  }
}

const blocks = new WeakMap<readonly Entry[], Buffer>();

/**
 * `(size entry){count}`. Followers in step are sent the same array: it is encoded once for all of
 * them. No entry takes less here than inside of a whole message.
 */
function entryBlock(entries: readonly Entry[]): Buffer {
  if (entries.length === 0) return EMPTY_BYTES;
  const known = blocks.get(entries);
  if (known !== undefined) return known;
  let size = 0;
  for (const entry of entries) size += 8 + entrySize(entry);
  const block = Buffer.allocUnsafe(size);
  let at = 0;
  for (const entry of entries) {
    at = writeLength(block, at, entrySize(entry));
    at = writeEntry(block, at, entry);
  }
  blocks.set(entries, block);
  return block;
}

/** A frame of kind 01 of which only a part is here. */
interface Continuation {
  readonly count: number;
  readonly entries: Entry[];
  bytes: number;
}

export class MsgAppDecoder implements FrameDecoder {
  readonly #input = new FrameInput();
  readonly #localId: bigint;
  readonly #peerId: bigint;
  readonly #sink: MessageSink;
  #term = 0;
  #index = 0;
  #kind: number | undefined;
  #length: number | undefined;
  #continuation: Continuation | undefined;

  constructor(localId: bigint, peerId: bigint, sink: MessageSink) {
    this.#localId = localId;
    this.#peerId = peerId;
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    this.#input.push(chunk);
    for (;;) {
      this.#kind ??= this.#input.take(1)?.[0];
      if (this.#kind === undefined) return;
      if (!this.#frame(this.#kind)) return;
      this.#kind = undefined;
    }
  }

  /** False until all of the frame is here. */
  #frame(kind: number): boolean {
    if (kind === Kind.HEARTBEAT) return true;
    if (kind === Kind.CONTINUATION) return this.#continue();
    if (kind === Kind.WHOLE) return this.#whole();
    throw new WireError(`frame of unknown kind ${kind}`);
  }

  #whole(): boolean {
    const bytes = this.#piece();
    if (bytes === undefined) return false;
    const message = decodeMessage(bytes);
    if (message === undefined) return true;
    this.#term = message.term;
    this.#index = message.entries.at(-1)?.index ?? message.index;
    this.#sink(message);
    return true;
  }

  #continue(): boolean {
    if (this.#continuation === undefined) {
      const count = this.#input.takeUint64();
      if (count === undefined) return false;
      if (count > ENTRIES_PER_MESSAGE_MAX) throw new WireError("too many entries");
      this.#continuation = { count, entries: [], bytes: 0 };
    }
    const frame = this.#continuation;
    while (frame.entries.length < frame.count) {
      const bytes = this.#piece();
      if (bytes === undefined) return false;
      frame.bytes += bytes.length;
      if (frame.bytes > FRAME_BYTES_MAX) throw new WireError("frame too long");
      frame.entries.push(decodeEntry(bytes));
    }
    const commit = this.#input.takeUint64();
    if (commit === undefined) return false;
    if (!Number.isFinite(commit)) throw new WireError("number beyond 2^53");
    this.#continuation = undefined;
    const message: Message = {
      type: MessageType.APPEND,
      to: this.#localId,
      from: this.#peerId,
      term: this.#term,
      logTerm: this.#term,
      index: this.#index,
      entries: frame.entries,
      commit,
      reject: false,
      rejectHint: 0,
      context: EMPTY_BYTES,
    };
    this.#index += frame.count;
    this.#sink(message);
    return true;
  }

  /** What a length announces, once it is all here. */
  #piece(): Buffer | undefined {
    this.#length ??= this.#input.takeUint64();
    if (this.#length === undefined) return undefined;
    if (this.#length > FRAME_BYTES_MAX) throw new WireError("frame too long");
    const bytes = this.#input.take(this.#length);
    if (bytes !== undefined) this.#length = undefined;
    return bytes;
  }
}
