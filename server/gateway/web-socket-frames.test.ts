import { expect, test } from "vitest";
import {
  closeFrame,
  FrameReader,
  pongFrame,
  textFrame,
  WebSocketError,
} from "./web-socket-frames.ts";

const MASK = Buffer.from([1, 2, 3, 4]);

/** As a client sends it. */
function masked(opcode: number, payload: Buffer, isFinal = true): Buffer {
  const { length } = payload;
  const head =
    length < 126
      ? Buffer.from([0, 0x80 | length])
      : length <= 0xffff
        ? Buffer.from([0, 0x80 | 126, length >> 8, length & 0xff])
        : Buffer.concat([Buffer.from([0, 0x80 | 127, 0, 0, 0, 0]), uint32(length)]);
  head[0] = opcode | (isFinal ? 0x80 : 0);
  const body = Buffer.from(payload.map((byte, at) => byte ^ (MASK[at & 3] as number)));
  return Buffer.concat([head, MASK, body]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function reading(messageBytesMax = 100_000) {
  const seen: string[] = [];
  const reader = new FrameReader(
    {
      message: (bytes) => seen.push(`message ${bytes.length} ${bytes.subarray(0, 5).toString()}`),
      ping: (bytes) => seen.push(`ping ${bytes.toString()}`),
      close: () => seen.push("close"),
    },
    messageBytesMax,
  );
  return { reader, seen };
}

test("messages of every length are read, wherever their bytes are cut", () => {
  const sent = Buffer.concat([
    masked(1, Buffer.from("hello")),
    masked(1, Buffer.from("be"), false),
    masked(9, Buffer.from("now")),
    masked(0, Buffer.from("gin")),
    masked(2, Buffer.alloc(300, "x")),
    masked(1, Buffer.alloc(70_000, "y")),
    masked(10, Buffer.from("pong")),
    masked(8, Buffer.from([3, 232])),
  ]);
  const wanted = [
    "message 5 hello",
    "ping now",
    "message 5 begin",
    "message 300 xxxxx",
    "message 70000 yyyyy",
    "close",
  ];
  for (const step of [1, 7, 1000, sent.length]) {
    const { reader, seen } = reading();
    for (let at = 0; at < sent.length; at += step) reader.read(sent.subarray(at, at + step));
    expect(seen).toEqual(wanted);
  }
});

test("a message in frames takes the memory of its bytes, however many frames it has", () => {
  const { reader, seen } = reading();
  reader.read(masked(1, Buffer.from("many "), false));
  const turn = Buffer.concat(Array(5_000).fill(masked(0, Buffer.alloc(0), false)));
  const before = process.memoryUsage();
  for (let round = 0; round < 200; round++) reader.read(turn);
  const after = process.memoryUsage();
  expect(after.heapUsed - before.heapUsed).toBeLessThan(64_000_000);
  for (let byte = 0; byte < 3_000; byte++) reader.read(masked(0, Buffer.from("x"), false));
  reader.read(masked(0, Buffer.from("end")));
  reader.read(masked(1, Buffer.from("next")));
  expect(seen).toEqual(["message 3008 many ", "message 4 next"]);
});

test("what is no frame of a client is an error with its code", () => {
  const cases: readonly (readonly [Buffer, number])[] = [
    [textFrame("unmasked"), 1002],
    [masked(3, Buffer.alloc(0)), 1002],
    [masked(11, Buffer.alloc(0)), 1002],
    [masked(0, Buffer.from("a continuation of nothing")), 1002],
    [masked(9, Buffer.alloc(0), false), 1002],
    [Buffer.from([0xc1, 0x80, 1, 2, 3, 4]), 1002],
    [masked(1, Buffer.alloc(1001)), 1009],
    [Buffer.concat([masked(1, Buffer.alloc(600), false), masked(0, Buffer.alloc(600))]), 1009],
    [Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), 1009],
  ];
  for (const [bytes, code] of cases) {
    const { reader } = reading(1000);
    let thrown: unknown;
    try {
      reader.read(bytes);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(WebSocketError);
    expect((thrown as WebSocketError).code).toBe(code);
  }
});

test("a server's frames carry no mask and the shortest length", () => {
  expect(textFrame("ab")).toEqual(Buffer.from([0x81, 2, 0x61, 0x62]));
  expect(textFrame("x".repeat(126)).subarray(0, 4)).toEqual(Buffer.from([0x81, 126, 0, 126]));
  expect(textFrame("x".repeat(65_536)).subarray(0, 10)).toEqual(
    Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
  );
  const part = (isFirst: boolean, isLast: boolean) => textFrame("a", { isFirst, isLast })[0];
  expect([part(true, false), part(false, false), part(false, true)]).toEqual([0x01, 0x00, 0x80]);
  expect(pongFrame(Buffer.from("p"))).toEqual(Buffer.from([0x8a, 1, 0x70]));
  expect(closeFrame(1000)).toEqual(Buffer.from([0x88, 2, 3, 232]));
});
