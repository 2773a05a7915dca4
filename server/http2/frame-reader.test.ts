import { expect, test } from "vitest";
import { FrameReader } from "./frame-reader.ts";
import { ConnectionError } from "./protocol.ts";
import { frame } from "./raw-peer.suite.ts";

function readAll(chunks: readonly Buffer[]): string[] {
  const seen: string[] = [];
  const reader = new FrameReader((type, flags, id, bytes, start, end) => {
    seen.push(`${type} ${flags} ${id} ${bytes.toString("hex", start, end)}`);
  });
  for (const chunk of chunks) reader.read(chunk);
  return seen;
}

const SESSION = Buffer.concat([
  frame(4, 0, 0, Buffer.alloc(0)),
  frame(1, 4, 1, Buffer.from("abcdef")),
  frame(0, 1, 1, Buffer.alloc(300, 7)),
  frame(6, 0, 0, Buffer.alloc(8, 1)),
]);
const WHOLE = readAll([SESSION]);

test("frames are the same wherever the bytes are cut, in two or in three", () => {
  expect(WHOLE).toHaveLength(4);
  for (let first = 0; first <= SESSION.length; first++) {
    const rest = SESSION.subarray(first);
    expect(readAll([SESSION.subarray(0, first), rest])).toEqual(WHOLE);
    const second = Math.floor(rest.length / 2);
    const three = [SESSION.subarray(0, first), rest.subarray(0, second), rest.subarray(second)];
    expect(readAll(three)).toEqual(WHOLE);
  }
});

test("frames are the same when every byte comes alone", () => {
  expect(readAll([...SESSION].map((byte) => Buffer.from([byte])))).toEqual(WHOLE);
});

test("a payload stays what it was when more is read", () => {
  let kept: Buffer = Buffer.alloc(0);
  const reader = new FrameReader((_type, _flags, _id, bytes, start, end) => {
    if (kept.length === 0) kept = bytes.subarray(start, end);
  });
  const bytes = frame(0, 0, 1, Buffer.from("first"));
  for (const byte of bytes) reader.read(Buffer.from([byte]));
  for (const byte of frame(0, 0, 1, Buffer.from("other"))) reader.read(Buffer.from([byte]));
  expect(kept.toString()).toBe("first");
});

test("a frame above the limit is refused by its head alone", () => {
  const head = Buffer.from([0, 0x40, 1, 0, 0, 0, 0, 0, 1]);
  expect(() => readAll([head])).toThrow(ConnectionError);
  expect(() => readAll([...head].map((byte) => Buffer.from([byte])))).toThrow(ConnectionError);
});

test("a reader that was stopped within a frame hands out nothing more", () => {
  let seen = 0;
  const reader = new FrameReader(() => {
    seen++;
    reader.stop();
  });
  reader.read(SESSION);
  reader.read(SESSION);
  expect(seen).toBe(1);
});
