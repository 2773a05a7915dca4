import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { ErrorCode, Flag, FrameType } from "./protocol.ts";
import {
  block,
  data,
  frame,
  headers,
  message,
  OpenedBeds,
  requestFields,
  uint32,
  unary,
} from "./raw-peer.suite.ts";

// What open streams and waiting calls keep, whatever they carry, counts as held for their peer.

const beds = new OpenedBeds();
const { open } = beds;
afterEach(() => beds.close());

test("an open stream is held for with its head, until it ends", async () => {
  const peer = await open();
  const fields = block(requestFields("/hold", { token: "t".repeat(10_000), "x-other": "o" }));
  for (let id = 1; id < 20; id += 2) {
    peer.write(frame(FrameType.HEADERS, Flag.END_HEADERS, id, fields));
  }
  await expect.poll(() => beds.last.app.calls.length).toBe(10);
  expect(beds.last.server.heldBytes).toBeGreaterThan(10 * 10_000);
  for (let id = 1; id < 20; id += 2) peer.write(frame(FrameType.RST_STREAM, 0, id, uint32(8)));
  await expect.poll(() => beds.last.server.heldBytes).toBe(0);
  peer.write(unary(21, "/echo", "x"), headers(23, "/hold"));
  await peer.answer(21);
  peer.socket.destroy();
  await expect.poll(() => beds.last.server.heldBytes).toBe(0);
});

test("streams that are opened and say nothing cost a peer its connection in the end", async () => {
  const peer = await open({ heldBytesPerConnectionMax: 100_000 });
  const other = beds.last.peer(headers(1, "/echo"));
  for (let id = 1; id < 400; id += 2) peer.write(headers(id, "/hold"));
  expect((await peer.goAway())[0]).toBe(ErrorCode.ENHANCE_YOUR_CALM);
  await peer.closed();
  other.write(data(1, message("x"), Flag.END_STREAM));
  expect((await other.answer(1)).body).toEqual(message("x"));
});

test("silent streams of all connections together have a limit", async () => {
  await open({ heldBytesMax: 100_000 });
  const crowd = Array.from({ length: 20 }, () => beds.last.peer());
  for (const peer of crowd) for (let id = 1; id < 20; id += 2) peer.write(headers(id, "/hold"));
  await expect.poll(() => crowd.filter(({ isClosed }) => isClosed).length).toBeGreaterThan(10);
  await expect.poll(() => beds.last.server.heldBytes).toBeLessThan(100_000);
});

test("what calls that wait have received is held for with each message, also an empty one", async () => {
  const peer = await open({ unreadBytesPause: 1000, heldBytesPerConnectionMax: 1_000_000 });
  const empty = Buffer.concat(Array.from({ length: 3000 }, () => message("")));
  peer.write(unary(1, "/reply/100000", "x"), headers(3, "/echo"), data(3, empty));
  expect((await peer.goAway())[0]).toBe(ErrorCode.ENHANCE_YOUR_CALM);
  await expect.poll(() => beds.last.server.heldBytes).toBe(0);
});

test("calls that wait give back what they held when they begin", async () => {
  const peer = await open({ unreadBytesPause: 1000 });
  const parts = Buffer.concat([message("a"), message(""), message("b".repeat(20_000))]);
  peer.write(unary(1, "/reply/100000", "x"), headers(3, "/echo"));
  for (let at = 0; at < parts.length; at += 16_000)
    peer.write(data(3, parts.subarray(at, at + 16_000)));
  await expect.poll(() => beds.last.server.parkedCount).toBe(1);
  peer.write(
    data(3, Buffer.alloc(0), Flag.END_STREAM),
    frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(200_000)),
    frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(200_000)),
  );
  expect((await peer.answer(3)).body).toEqual(parts);
  expect(beds.last.server.heldBytes).toBe(0);
});

test("of calls that wait, a few begin in each turn, in order", async () => {
  const peer = await open({ unreadBytesPause: 1000, startsPerTurn: 10 });
  peer.write(unary(1, "/reply/100000", "x"));
  for (let id = 3; id < 1003; id += 2) peer.write(headers(id, "/hold"));
  await expect.poll(() => beds.last.server.parkedCount).toBe(500);
  const { calls } = beds.last.app;
  let begun = calls.length;
  const steps: number[] = [];
  const look = () => {
    steps.push(calls.length - begun);
    begun = calls.length;
    if (begun < 501) setImmediate(look);
  };
  look();
  peer.write(
    frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(100_000)),
    frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(100_000)),
  );
  await expect.poll(() => calls.length).toBe(501);
  expect(Math.max(...steps)).toBeLessThanOrEqual(20);
});

test("answers for a peer that gives no window are counted when they are made, not when it speaks", async () => {
  const peer = await open({ heldBytesPerConnectionMax: 1_000_000 });
  const noWindow = Buffer.from([0, 4, 0, 0, 0, 0]);
  peer.write(frame(FrameType.SETTINGS, 0, 0, noWindow), headers(1, "/hold"));
  await expect.poll(() => beds.last.app.calls.length).toBe(1);
  for (let sent = 0; sent < 2; sent++) {
    beds.last.app.calls[0]?.send(Buffer.alloc(600_000));
    await peer.frame(FrameType.HEADERS, 1);
  }
  expect((await peer.goAway())[0]).toBe(ErrorCode.ENHANCE_YOUR_CALM);
});

test("compressed messages beyond what a turn may unpack come in later ones, with their end", async () => {
  const peer = await open({ unpackedBytesPerTurn: 10 * 16_384 });
  const gzip = block(requestFields("/echo", { "grpc-encoding": "gzip" }));
  const bodies = Array.from({ length: 300 }, (_, at) => String(at));
  const packed = Buffer.concat(bodies.map((body) => message(gzipSync(body), 1)));
  for (const id of [1, 3]) {
    peer.write(
      frame(FrameType.HEADERS, Flag.END_HEADERS, id, gzip),
      data(id, packed, Flag.END_STREAM),
    );
  }
  peer.write(unary(5, "/echo", "meanwhile"));
  await peer.answer(5);
  expect(beds.last.app.messages).toBeLessThan(100);
  const echoed = Buffer.concat(bodies.map((body) => message(body)));
  for (const id of [1, 3]) expect((await peer.answer(id)).body).toEqual(echoed);
  expect(beds.last.server.heldBytes).toBe(0);
});
