// The index on disk, so that a start need not read every record.
//
//   head     which content it is of, the revision R it begins at, how far compaction was
//   blocks   the keys in order, each as it was when its turn came
//   end      the newest revision W that any of the blocks can hold, and how many keys there are
//
// It is written in slices while changes go on: a block shows its keys at some moment between R and
// W. Whoever loads it reads the records behind R again and passes over what a key has already; a
// key that came behind the writer's back is among those records. It counts only once all records up
// to W are durable, and so it never knows more than the table, with one exception: what compaction
// has deleted since. If compaction has moved, the revisions are therefore compared with the keys of
// the table, and those that are gone leave the index.
//
// Invariant: what is loaded is the index that a scan of all records gives, or nothing.
import { EMPTY_BYTES } from "../base/bytes.ts";
import { FrameFileError } from "../storage/frame-file.ts";
import { decodeSlots, encodeSlots, type LeaseOf } from "./block-codec.ts";
import { blockOf, KeyIndex, slotOf } from "./key-index.ts";
import { successor } from "./key-range.ts";

const FORMAT = 1;
/** What kind of frame it is: its first byte. */
const HEAD = 1;
const BLOCK = 2;
const END = 3;
const HEAD_BYTES = 37;
const END_BYTES = 17;
const BLOCKS_PER_SLICE = 32;

export interface CheckpointHead {
  /** The engine's. */
  readonly contentId: bigint;
  /** Of the last change before the first block was written. */
  readonly revision: number;
  readonly scheduledCompaction: number;
  readonly finishedCompaction: number;
}

export interface IndexCheckpoint {
  readonly head: CheckpointHead;
  readonly index: KeyIndex;
  /** By key as latin-1. */
  readonly attached: Map<string, bigint>;
  /** No record behind it is in the index. */
  readonly writtenRevision: number;
}

/**
 * The index as frames, one per block; anything may change in between.
 * @param leaseOf undefined where no key has a lease now
 * @param writtenRevision asked at the end: of the newest change in the index
 */
export function* encodeIndex(
  index: KeyIndex,
  head: CheckpointHead,
  leaseOf: LeaseOf | undefined,
  writtenRevision: () => number,
): Generator<Buffer, void> {
  yield encodeHead(head);
  let keys = 0;
  let next = EMPTY_BYTES;
  for (;;) {
    const at = index.normalize(index.seek(next));
    const block = index.block(blockOf(at));
    const slot = slotOf(at);
    if (slot >= block.count) break;
    keys += block.count - slot;
    next = successor(block.key(block.count - 1));
    yield encodeSlots(BLOCK, block, slot, index.arena, leaseOf);
  }
  const end = Buffer.alloc(END_BYTES, END);
  end.writeDoubleLE(writtenRevision(), 1);
  end.writeDoubleLE(keys, 9);
  yield end;
}

/**
 * Undefined where there is none for this content. Yields between slices.
 * @throws FrameFileError when it is damaged
 */
export function* decodeIndex(
  frames: Iterable<Buffer>,
  contentId: bigint,
): Generator<void, IndexCheckpoint | undefined> {
  const index = new KeyIndex();
  const attached = new Map<string, bigint>();
  let head: CheckpointHead | undefined;
  let writtenRevision: number | undefined;
  let blocks = 0;
  let keys = 0;
  for (const frame of frames) {
    if (head === undefined) {
      head = decodeHead(frame);
      if (head?.contentId !== contentId) return undefined;
    } else if (frame[0] === BLOCK) {
      const block = decodeSlots(frame, index.arena, (key, id) => {
        attached.set(key.toString("latin1"), id);
      });
      index.appendBlock(block);
      keys += block.count;
      if (++blocks % BLOCKS_PER_SLICE === 0) yield;
    } else {
      writtenRevision = frame.readDoubleLE(1);
      if (frame.readDoubleLE(9) !== keys) throw new FrameFileError("keys are missing");
    }
  }
  if (head === undefined || writtenRevision === undefined) return undefined;
  return { head, index, attached, writtenRevision };
}

function encodeHead(head: CheckpointHead): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES, HEAD);
  bytes.writeUInt32LE(FORMAT, 1);
  bytes.writeBigUInt64LE(head.contentId, 5);
  bytes.writeDoubleLE(head.revision, 13);
  bytes.writeDoubleLE(head.scheduledCompaction, 21);
  bytes.writeDoubleLE(head.finishedCompaction, 29);
  return bytes;
}

/** Undefined for one of another format. */
function decodeHead(bytes: Buffer): CheckpointHead | undefined {
  if (bytes[0] !== HEAD || bytes.length !== HEAD_BYTES) return undefined;
  if (bytes.readUInt32LE(1) !== FORMAT) return undefined;
  return {
    contentId: bytes.readBigUInt64LE(5),
    revision: bytes.readDoubleLE(13),
    scheduledCompaction: bytes.readDoubleLE(21),
    finishedCompaction: bytes.readDoubleLE(29),
  };
}
