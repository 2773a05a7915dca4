// Text that is bytes. A string on etcd's wire, in its log and in its tables is any bytes: nobody
// there checks that it is UTF-8, so names and passwords need not be. Strings here hold UTF-16, and
// what is no UTF-8 would become the same replacement character whatever it was.
//
//   bytes   70  e4      73  f0 9f 98 80      part of no character: e4
//   string  p   U+DCE4  s   U+D83D U+DE00    0xdc00 and the byte: the latter half of a pair, alone
//
// Invariant: encodeText(decodeText(bytes)) equals bytes, and different bytes are different strings,
// so that maps and comparisons of strings are those of bytes. Only the order is not.
//
// Such halves come out of `decodeText` and nowhere else: JSON can spell them as well, and whoever
// reads text of other origin makes it well formed. Where text is shown, each is shown as U+FFFD,
// which is what Go shows of each such byte.
import { isUtf8 } from "node:buffer";
import { asBuffer } from "./bytes.ts";

const REPLACEMENT = 0xfffd;
/** Stands for the byte 0; bytes below 0x80 are always characters. */
const HALF = 0xdc00;
const FIRST_HALF = HALF + 0x80;
const LAST_HALF = HALF + 0xff;
/** The first character that is a pair, and the last of all. */
const PAIRS = 0x10000;
const LAST_POINT = 0x10ffff;
/** UTF-8 has no more for a unit of UTF-16. */
const BYTES_PER_UNIT_MAX = 3;

export function decodeText(bytes: Uint8Array): string {
  const buffer = asBuffer(bytes);
  return isUtf8(buffer) ? buffer.toString() : decodeHalves(buffer);
}

/** Half pairs that stand for no byte become U+FFFD. */
export function encodeText(text: string): Buffer {
  return text.isWellFormed() ? Buffer.from(text) : encodeHalves(text);
}

/** In time linear in the bytes, however many of them are odd: they may come from anybody. */
function decodeHalves(bytes: Buffer): string {
  const units = new Uint16Array(bytes.length);
  let end = 0;
  for (let at = 0; at < bytes.length; ) {
    const point = characterAt(bytes, at);
    if (point === undefined) units[end++] = HALF + (bytes[at] as number);
    else if (point < PAIRS) units[end++] = point;
    else {
      units[end++] = 0xd800 + ((point - PAIRS) >>> 10);
      units[end++] = 0xdc00 + (point & 0x3ff);
    }
    at += point === undefined ? 1 : characterBytes(point);
  }
  return Buffer.from(units.buffer, 0, 2 * end).toString("utf16le");
}

function encodeHalves(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(BYTES_PER_UNIT_MAX * text.length);
  let end = 0;
  for (let at = 0; at < text.length; at++) {
    const point = text.codePointAt(at) as number;
    if (point >= FIRST_HALF && point <= LAST_HALF) bytes[end++] = point - HALF;
    else end = writeCharacter(bytes, end, isHalf(point) ? REPLACEMENT : point);
    if (point >= PAIRS) at++;
  }
  return bytes.subarray(0, end);
}

/** The character that begins here; undefined where none does. */
function characterAt(bytes: Buffer, at: number): number | undefined {
  const first = bytes[at] as number;
  if (first < 0x80) return first;
  if (first < 0xc2 || first > 0xf4) return undefined;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  let point = first & (0x7f >> length);
  for (let next = at + 1; next < at + length; next++) {
    const byte = bytes[next];
    if (byte === undefined || (byte & 0xc0) !== 0x80) return undefined;
    point = (point << 6) | (byte & 0x3f);
  }
  const isShortest = characterBytes(point) === length;
  return isShortest && !isHalf(point) && point <= LAST_POINT ? point : undefined;
}

function isHalf(point: number): boolean {
  return point >= 0xd800 && point <= 0xdfff;
}

function characterBytes(point: number): number {
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  return point < PAIRS ? 3 : 4;
}

/** Returns the offset behind. */
function writeCharacter(target: Buffer, offset: number, point: number): number {
  let shift = 6 * (characterBytes(point) - 1);
  if (shift === 0) {
    target[offset] = point;
    return offset + 1;
  }
  let end = offset;
  target[end++] = (0xf00 >> (shift / 6 + 1)) | (point >> shift);
  for (shift -= 6; shift >= 0; shift -= 6) target[end++] = 0x80 | ((point >> shift) & 0x3f);
  return end;
}
