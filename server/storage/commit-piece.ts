// A layer on its way to the thread that commits it: pieces of memory, filled with rows here, that
// change hands without being copied.
//
//     table (1) │ key bytes (2) │ value bytes + 1 (4), 0 deletes │ key │ value │ place of the seal (4)
//
// Numbers are little endian. The seal is put in on the other side: its checksum is the larger part of
// what a row costs.

import { must } from "../base/assert.ts";
import type { Layer } from "./layer.ts";
import { SEAL_BYTES } from "./sealed-value.ts";
import { TABLES, type Table } from "./tables.ts";

const HEAD_BYTES = 7;
/** A row that is longer gets a piece of its own length. */
const PIECE_BYTES = 512 * 1024;

export interface CommitPiece {
  readonly memory: ArrayBuffer;
  readonly usedBytes: number;
}

export interface CommitRow {
  readonly table: Table;
  readonly key: Buffer;
  /** The value and, behind it, the place of its seal. Null deletes. */
  readonly place: Buffer | null;
}

/** All of a layer that takes no more writes. The caller may pause behind each piece. */
export function* piecesOf(layer: Layer): Generator<CommitPiece> {
  // Rows that were overwritten count too, so that this is never too little.
  let restBytes = layer.bytes + layer.operations * (HEAD_BYTES + SEAL_BYTES);
  let piece = Buffer.alloc(0);
  let used = 0;
  for (const [index, name] of TABLES.entries()) {
    for (const [key, value] of layer.tables[name].entries()) {
      const length = HEAD_BYTES + key.length + (value === null ? 0 : value.length + SEAL_BYTES);
      if (used + length > piece.length) {
        if (used > 0) yield { memory: piece.buffer as ArrayBuffer, usedBytes: used };
        piece = Buffer.allocUnsafeSlow(Math.max(length, Math.min(restBytes, PIECE_BYTES)));
        used = 0;
      }
      writeRow(piece, used, index, key, value);
      used += length;
      restBytes -= length;
    }
  }
  if (used > 0) yield { memory: piece.buffer as ArrayBuffer, usedBytes: used };
}

/** @param key as latin1 */
function writeRow(
  piece: Buffer,
  at: number,
  table: number,
  key: string,
  value: Buffer | null,
): void {
  piece[at] = table;
  piece.writeUInt16LE(key.length, at + 1);
  piece.writeUInt32LE(value === null ? 0 : value.length + 1, at + 3);
  piece.write(key, at + HEAD_BYTES, "latin1");
  if (value !== null) piece.set(value, at + HEAD_BYTES + key.length);
}

/** The rows of a piece, in the memory of the piece. */
export function* rowsOf({ memory, usedBytes }: CommitPiece): Generator<CommitRow> {
  const piece = Buffer.from(memory, 0, usedBytes);
  for (let at = 0; at < usedBytes; ) {
    const table = must(TABLES[piece[at] as number], "a row names its table");
    const keyEnd = at + HEAD_BYTES + piece.readUInt16LE(at + 1);
    const valueBytes = piece.readUInt32LE(at + 3) - 1;
    const end = valueBytes < 0 ? keyEnd : keyEnd + valueBytes + SEAL_BYTES;
    const key = piece.subarray(at + HEAD_BYTES, keyEnd);
    yield { table, key, place: valueBytes < 0 ? null : piece.subarray(keyEnd, end) };
    at = end;
  }
}
