import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { ErrorCode, Flag, FrameType } from "./protocol.ts";
import {
  block,
  data,
  type Frame,
  frame,
  headers,
  message,
  OPENING,
  OpenedBeds,
  requestFields,
  uint32,
  unary,
} from "./raw-peer.suite.ts";

const beds = new OpenedBeds();
const { open } = beds;
afterEach(() => beds.close());

const EMPTY = Buffer.alloc(0);
const PING = frame(FrameType.PING, 0, 0, Buffer.alloc(8));
const ENDS = Flag.END_HEADERS | Flag.END_STREAM;
const setting = (id: number, value: number) =>
  frame(FrameType.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, id]), uint32(value)]));
const repeat = (bytes: Buffer, times: number) =>
  Buffer.concat(Array.from({ length: times }, () => bytes));

test.each<[string, number, Buffer]>([
  ["DATA on stream 0", ErrorCode.PROTOCOL_ERROR, data(0, EMPTY)],
  ["DATA on a stream never opened", ErrorCode.PROTOCOL_ERROR, data(1, EMPTY)],
  ["RST_STREAM of a stream never opened", 1, frame(FrameType.RST_STREAM, 0, 1, uint32(8))],
  ["WINDOW_UPDATE of a stream never opened", 1, frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(1))],
  ["an even stream", ErrorCode.PROTOCOL_ERROR, headers(2, "/echo")],
  ["HEADERS on stream 0", ErrorCode.PROTOCOL_ERROR, headers(0, "/echo")],
  ["more padding than payload", 1, frame(FrameType.HEADERS, ENDS | Flag.PADDED, 1, uint32(-1))],
  ["HEADERS without room for its priority", 1, frame(FrameType.HEADERS, 0x24, 1, uint32(0))],
  ["padding of an empty frame", 1, Buffer.concat([headers(1, "/hold"), data(1, EMPTY, 8)])],
  ["CONTINUATION of nothing", 1, frame(FrameType.CONTINUATION, 4, 1, EMPTY)],
  ["another frame within a header block", 1, Buffer.concat([headers(1, "/echo", 0), PING])],
  ["PUSH_PROMISE", ErrorCode.PROTOCOL_ERROR, frame(FrameType.PUSH_PROMISE, 4, 1, uint32(2))],
  ["SETTINGS on a stream", 1, frame(FrameType.SETTINGS, 0, 1, EMPTY)],
  ["SETTINGS of a broken length", 6, frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(5))],
  ["an acknowledgement with a payload", 6, frame(FrameType.SETTINGS, 1, 0, Buffer.alloc(6))],
  ["an initial window above 2^31 - 1", ErrorCode.FLOW_CONTROL_ERROR, setting(4, 0x8000_0000)],
  ["a frame size below the least", ErrorCode.PROTOCOL_ERROR, setting(5, 16_383)],
  ["PING on a stream", ErrorCode.PROTOCOL_ERROR, frame(FrameType.PING, 0, 1, Buffer.alloc(8))],
  ["PING of seven bytes", ErrorCode.FRAME_SIZE_ERROR, frame(FrameType.PING, 0, 0, uint32(1))],
  ["RST_STREAM of a broken length", 6, frame(FrameType.RST_STREAM, 0, 1, EMPTY)],
  ["RST_STREAM of stream 0", 1, frame(FrameType.RST_STREAM, 0, 0, uint32(1))],
  ["WINDOW_UPDATE by nothing", 1, frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0))],
  ["a window above 2^31 - 1", 3, frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0x7fff_ffff))],
  ["a frame too long", ErrorCode.FRAME_SIZE_ERROR, Buffer.from([0, 0x40, 1, 0, 0, 0, 0, 0, 1])],
  ["a header block that is none", 9, frame(FrameType.HEADERS, ENDS, 1, Buffer.from([0x80]))],
])("%s ends the connection with GOAWAY %i", async (_name, code, bytes) => {
  const peer = await open();
  const other = beds.last.peer();
  peer.write(bytes);
  expect((await peer.goAway())[0]).toBe(code);
  await peer.closed();
  other.write(unary(1, "/echo", "still here"));
  expect((await other.answer(1)).body).toEqual(message("still here"));
});

test("a header block that was right once is wrong when its table has been emptied", async () => {
  const peer = await open();
  const { ":path": _path, ...others } = requestFields("/echo");
  const entry = Buffer.concat([block(others), Buffer.from([0x44, 5]), Buffer.from("/echo")]);
  const indexed = Buffer.concat([block(others), Buffer.from([0xbe])]);
  const emptied = Buffer.concat([Buffer.from([0x20]), block(requestFields("/echo"))]);
  for (const [at, bytes] of [entry, indexed, indexed, emptied, indexed].entries()) {
    peer.write(frame(FrameType.HEADERS, ENDS, 2 * at + 1, bytes));
  }
  expect((await peer.goAway())[0]).toBe(ErrorCode.COMPRESSION_ERROR);
  expect(beds.last.app.calls.length).toBe(4);
});

test("a bug of ours costs the peer that found it its connection, and is logged", async () => {
  const peer = await open();
  const other = beds.last.peer(headers(1, "/echo"));
  peer.write(headers(1, "/hold"), unary(3, "/throw", ""));
  expect(await peer.goAway()).toEqual([ErrorCode.INTERNAL_ERROR, "internal error"]);
  await peer.closed();
  expect(beds.last.errors).toHaveLength(1);
  expect(beds.last.app.canceled).toEqual(["canceled", "canceled"]);
  other.write(data(1, message("x"), Flag.END_STREAM));
  expect((await other.answer(1)).body).toEqual(message("x"));
});

test("the first frame must be SETTINGS", async () => {
  await open();
  const peer = beds.last.bare();
  peer.write(OPENING.subarray(0, 24), PING);
  expect((await peer.goAway())[0]).toBe(ErrorCode.PROTOCOL_ERROR);
});

test.each<[string, number, Buffer]>([
  ["HEADERS without a path", 1, frame(1, ENDS, 1, block({ ":method": "POST" }))],
  ["an unknown pseudo header", 1, frame(1, ENDS, 1, block(requestFields("/echo", { ":x": "" })))],
  ["a connection header", 1, frame(1, ENDS, 1, block(requestFields("/", { connection: "x" })))],
  ["headers above the announced size", 11, frame(1, ENDS, 1, Buffer.alloc(3000, 0x82))],
  ["DATA behind END_STREAM", 5, Buffer.concat([unary(1, "/hold", ""), data(1, message(""))])],
  ["trailers that do not end", 1, Buffer.concat([headers(1, "/hold"), headers(1, "/hold")])],
  [
    "a stream's window above 2^31 - 1",
    3,
    Buffer.concat([headers(1, "/hold"), frame(8, 0, 1, uint32(0x7fff_ffff))]),
  ],
  [
    "a stream's window moved by 0",
    1,
    Buffer.concat([headers(1, "/hold"), frame(8, 0, 1, uint32(0))]),
  ],
])("%s resets the stream with %i, and the connection goes on", async (_name, code, bytes) => {
  const peer = await open();
  peer.write(bytes);
  expect(await peer.resetCode(1)).toBe(code);
  peer.write(unary(3, "/echo", "next"));
  expect((await peer.answer(3)).body).toEqual(message("next"));
});

test("more DATA than its window costs a stream its call, not the other one its grant", async () => {
  const peer = await open({ grantedBytesMax: 1 });
  const long = message(Buffer.alloc(200_000));
  const first = long.subarray(0, 16_384);
  peer.write(headers(1, "/hold"), data(1, first), headers(3, "/hold"), data(3, first));
  await peer.frame(FrameType.WINDOW_UPDATE, 1);
  for (let part = 0; part < 4; part++) peer.write(data(3, first));
  expect(await peer.resetCode(3)).toBe(ErrorCode.FLOW_CONTROL_ERROR);
  for (let at = first.length; at < long.length; at += first.length) {
    peer.write(data(1, long.subarray(at, at + first.length)));
  }
  await expect.poll(() => beds.last.app.received).toBe(200_000);
});

test("pings that come too often end the connection as grpc-go ends it", async () => {
  const peer = await open();
  peer.write(headers(1, "/hold"), repeat(PING, 4));
  expect(await peer.goAway()).toEqual([ErrorCode.ENHANCE_YOUR_CALM, "too_many_pings"]);
});

test("pings between answers, and pings that keep their distance, are welcome", async () => {
  const peer = await open();
  peer.write(headers(1, "/echo"));
  for (let round = 1; round <= 8; round++) {
    peer.write(data(1, message("x")), PING);
    await peer.until(
      (frames) => frames.filter((f) => f.type === FrameType.PING).length === round && true,
    );
  }
  for (let round = 1; round <= 4; round++) peer.write(data(1, message("x")), PING, PING, PING);
  await peer.until((frames) => frames.filter((f) => f.type === FrameType.PING).length === 20);
  for (let round = 21; round <= 26; round++) {
    beds.last.clock.advance(5001);
    peer.write(PING);
    await peer.until((frames) => frames.filter((f) => f.type === FrameType.PING).length === round);
  }
  expect(peer.frames.some((f) => f.type === FrameType.GOAWAY)).toBe(false);
});

const OPEN = headers(1, "/hold");
test.each<[string, Buffer]>([
  ["SETTINGS", setting(4, 1000)],
  ["acknowledgements", frame(FrameType.SETTINGS, 1, 0, EMPTY)],
  ["PRIORITY", frame(FrameType.PRIORITY, 0, 1, Buffer.alloc(5))],
  ["unknown frames", frame(0x42, 0, 1, EMPTY)],
  ["DATA without data", data(1, EMPTY)],
  ["WINDOW_UPDATE that nothing asked for", frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1))],
  ["pings acknowledged that were never sent", frame(FrameType.PING, 1, 0, Buffer.alloc(8))],
])("a flood of %s ends the connection", async (_name, bytes) => {
  const peer = await open({ idleFramesBurst: 100, idleFramesPerSecond: 1 });
  peer.write(OPEN, repeat(bytes, 500));
  expect((await peer.goAway())[0]).toBe(ErrorCode.ENHANCE_YOUR_CALM);
  await peer.closed();
  expect(beds.last.app.canceled).toEqual(["canceled"]);
});

test("settings that move the windows of many streams count for as many frames", async () => {
  const peer = await open({ idleFramesBurst: 100, idleFramesPerSecond: 1 });
  for (let id = 1; id < 2000; id += 2) peer.write(headers(id, "/hold"));
  peer.write(setting(4, 1000), setting(4, 1000), setting(4, 1001), unary(2001, "/echo", ""));
  await peer.answer(2001);
  for (let size = 1002; size < 1010; size++) peer.write(setting(4, size));
  expect((await peer.goAway())[0]).toBe(ErrorCode.ENHANCE_YOUR_CALM);
});

test("streams opened and reset without end cost the peer its connection", async () => {
  const peer = await open({ resetsBurst: 50, resetsPerSecond: 1 });
  for (let id = 1; id < 400; id += 2) {
    peer.write(headers(id, "/hold"), frame(FrameType.RST_STREAM, 0, id, uint32(8)));
  }
  expect((await peer.goAway())[0]).toBe(ErrorCode.ENHANCE_YOUR_CALM);
  expect(beds.last.app.calls.length).toBeLessThan(60);
  expect(beds.last.app.canceled.length).toBe(beds.last.app.calls.length);
});

test("a client may answer the end of each stream with a reset, but not go on for ever", async () => {
  const limits = { resetsBurst: 250, resetsPerSecond: 1, idleFramesBurst: 100 };
  const peer = await open({ ...limits, idleFramesPerSecond: 1 });
  const late = Array.from({ length: 200 }, (_, i) => {
    return frame(FrameType.RST_STREAM, 0, 2 * i + 1, uint32(8));
  });
  for (let id = 1; id < 400; id += 2) peer.write(unary(id, "/echo", ""));
  await peer.answer(399);
  peer.write(...late, unary(401, "/echo", ""));
  await peer.answer(401);
  peer.write(...late);
  expect((await peer.goAway())[0]).toBe(ErrorCode.ENHANCE_YOUR_CALM);
  await peer.closed();
});

test("a header block without end costs the peer its connection", async () => {
  const peer = await open();
  peer.write(headers(1, "/hold", 0));
  peer.write(repeat(frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(1, 0x82)), 100));
  expect((await peer.goAway())[0]).toBe(ErrorCode.ENHANCE_YOUR_CALM);
  const slow = beds.last.peer(headers(1, "/hold", 0));
  await slow.frame(FrameType.SETTINGS, 0);
  await expect.poll(() => slow.frames.length).toBeGreaterThanOrEqual(3);
  beds.last.clock.advance(11_000);
  expect((await slow.goAway())[0]).toBe(ErrorCode.ENHANCE_YOUR_CALM);
});

test("streams above the limit are refused, those below go on", async () => {
  const peer = await open({ streamsMax: 2 });
  peer.write(headers(1, "/echo"), headers(3, "/hold"), headers(5, "/echo"));
  expect(await peer.resetCode(5)).toBe(ErrorCode.REFUSED_STREAM);
  peer.write(data(1, message("x"), Flag.END_STREAM));
  expect((await peer.answer(1)).body).toEqual(message("x"));
  peer.write(unary(7, "/echo", "y"));
  expect((await peer.answer(7)).body).toEqual(message("y"));
});

test("a connection that says nothing, or only half a preface, is closed", async () => {
  await open();
  const silent = beds.last.bare();
  const half = beds.last.bare();
  half.write(OPENING.subarray(0, 10));
  const withoutSettings = beds.last.bare();
  withoutSettings.write(OPENING.subarray(0, 24));
  await withoutSettings.frame(FrameType.SETTINGS, 0);
  await expect.poll(() => beds.last.server.connectionCount).toBe(4);
  beds.last.clock.advance(11_000);
  await Promise.all([silent.closed(), half.closed(), withoutSettings.closed()]);
});

test("a silent peer is pinged, and cut off when it does not answer", async () => {
  const peer = await open({ keepaliveIntervalMs: 60_000, keepaliveTimeoutMs: 20_000 });
  await peer.frame(FrameType.SETTINGS, 0);
  beds.last.clock.advance(61_000);
  const ping = await peer.frame(FrameType.PING, 0);
  peer.write(frame(FrameType.PING, Flag.ACK, 0, ping.payload), unary(1, "/echo", "x"));
  await peer.answer(1);
  beds.last.clock.advance(21_000);
  beds.last.clock.advance(41_000);
  await peer.until((frames) => frames.filter((f) => f.type === FrameType.PING).length === 2);
  beds.last.clock.advance(21_000);
  await peer.closed();
});

test("an answer to a ping that lies unread when its time is over counts", async () => {
  const peer = await open({ keepaliveIntervalMs: 60_000, keepaliveTimeoutMs: 20_000 });
  await peer.frame(FrameType.SETTINGS, 0);
  beds.last.clock.advance(61_000);
  const ping = await peer.frame(FrameType.PING, 0);
  // As timers do, before the sockets are looked at.
  await delay(1);
  peer.write(frame(FrameType.PING, Flag.ACK, 0, ping.payload));
  beds.last.clock.advance(21_000);
  peer.write(unary(1, "/echo", "x"));
  expect((await peer.answer(1)).body).toEqual(message("x"));
});

test("when connections run out, the oldest idle one goes, one in use stays", async () => {
  const busy = await open({ connectionsMax: 2 });
  busy.write(headers(1, "/echo"), data(1, message("m")));
  await expect.poll(() => beds.last.app.received).toBe(1);
  const idle = beds.last.peer();
  await idle.frame(FrameType.SETTINGS, 0);
  const next = beds.last.peer();
  await idle.closed();
  next.write(headers(1, "/hold"), data(1, message("m")));
  await expect.poll(() => beds.last.app.received).toBe(2);
  await beds.last.bare().closed();
  busy.write(data(1, message("x"), Flag.END_STREAM));
  const echoed = Buffer.concat([message("m"), message("x")]);
  expect((await busy.answer(1)).body).toEqual(echoed);
});

test("who never asked for anything makes room before one who did, however long it is silent", async () => {
  const client = await open({ connectionsMax: 3 });
  client.write(unary(1, "/echo", "x"));
  await client.answer(1);
  const mute = beds.last.bare();
  const unfinished = beds.last.peer();
  unfinished.write(headers(1, "/echo"), data(1, message("cut short").subarray(0, 9)));
  await expect.poll(() => beds.last.app.calls.length).toBe(2);
  beds.last.clock.advance(2_000);
  const others = [beds.last.bare(), beds.last.bare()];
  await Promise.all([mute.closed(), unfinished.closed()]);
  expect(beds.last.server.connectionCount).toBe(3);
  client.write(unary(3, "/echo", "y"));
  expect((await client.answer(3)).body).toEqual(message("y"));
  for (const other of others) other.socket.destroy();
});

test("a peer that does not read makes its own new calls wait, and nobody else's", async () => {
  const peer = await open({ unreadBytesPause: 1_000_000 });
  peer.socket.pause();
  const window = uint32(0x7000_0000);
  peer.write(setting(4, 0x7000_0000), frame(FrameType.WINDOW_UPDATE, 0, 0, window));
  const asked = 60;
  for (let call = 0; call < asked; call++) {
    peer.write(unary(2 * call + 1, "/reply/1000000", "x"));
  }
  const other = beds.last.peer(unary(1, "/echo", "x"));
  await other.answer(1);
  const started = () => beds.last.app.calls.filter(({ path }) => path !== "/echo").length;
  await expect.poll(started).toBeGreaterThan(1);
  expect(started()).toBeLessThan(asked);
  peer.socket.resume();
  const last = await peer.answer(2 * asked - 1);
  expect(last.body).toHaveLength(1_000_005);
  expect(started()).toBe(asked);
});

test("calls that wait start as soon as the answers before them are gone", async () => {
  const peer = await open({ unreadBytesPause: 1000 });
  peer.write(unary(1, "/reply/100000", "x"), unary(3, "/echo", "waits"), headers(5, "/echo"));
  await expect.poll(() => beds.last.app.calls.length).toBe(1);
  peer.write(
    frame(FrameType.RST_STREAM, 0, 5, uint32(8)),
    frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(100_000)),
    frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(100_000)),
  );
  expect((await peer.answer(1)).body).toHaveLength(100_005);
  expect((await peer.answer(3)).body).toEqual(message("waits"));
  expect(beds.last.app.calls.length).toBe(2);
});

test("calls that wait are forgotten once they are over", async () => {
  const peer = await open({ unreadBytesPause: 1000 });
  const timed = block(requestFields("/echo", { "grpc-timeout": "20S" }));
  const timedCall = (id: number) => frame(FrameType.HEADERS, ENDS, id, timed);
  peer.write(unary(1, "/reply/100000", "x"), timedCall(3), headers(5, "/echo"), timedCall(7));
  await expect.poll(() => beds.last.server.parkedCount).toBe(3);
  peer.write(frame(FrameType.RST_STREAM, 0, 5, uint32(8)));
  await expect.poll(() => beds.last.server.parkedCount).toBe(2);
  beds.last.clock.advance(21_000);
  await expect.poll(() => beds.last.server.parkedCount).toBe(0);
});

test("a short answer does not wait for a long one on the same connection", async () => {
  const peer = await open();
  const window = uint32(0x7000_0000);
  peer.write(setting(4, 0x7000_0000), frame(FrameType.WINDOW_UPDATE, 0, 0, window));
  await peer.frame(FrameType.SETTINGS, 0);
  peer.socket.pause();
  peer.write(unary(1, "/reply/9000000", "x"), unary(3, "/reply/9000000", "x"));
  await expect.poll(() => beds.last.server.heldBytes).toBeGreaterThan(1_000_000);
  const heldBefore = beds.last.server.heldBytes;
  peer.write(unary(5, "/echo", "short"));
  await expect.poll(() => beds.last.app.calls.length).toBe(3);
  peer.socket.resume();
  expect((await peer.answer(5)).body).toEqual(message("short"));
  const isData = ({ type, id }: Frame) => type === FrameType.DATA && id !== 5;
  await Promise.all([peer.answer(1), peer.answer(3)]);
  const at = peer.frames.findIndex(({ id, type }) => id === 5 && type === FrameType.DATA);
  const behind = peer.frames.slice(at).filter(isData);
  const bytesBehind = behind.reduce((sum, { payload }) => sum + payload.length, 0);
  // All that was not in the socket's buffers yet, but for a frame of each stream, comes later.
  expect(bytesBehind).toBeGreaterThan(heldBefore - 4 * 16_384);
});

test("a peer that makes us answer and never reads is cut off", async () => {
  const peer = await open({ socketBytesFatal: 100_000, idleFramesBurst: 10_000_000 });
  await peer.frame(FrameType.SETTINGS, 0);
  expect(beds.last.server.connectionCount).toBe(1);
  peer.socket.pause();
  const flood = repeat(setting(4, 1000), 20_000);
  const more = setInterval(() => peer.socket.write(flood), 1);
  await expect.poll(() => beds.last.server.connectionCount, { timeout: 10_000 }).toBe(0);
  clearInterval(more);
});

test("what all connections hold has a limit, and the one that holds most pays for it", async () => {
  const modest = await open({ heldBytesMax: 300_000 });
  const part = message(Buffer.alloc(60_000)).subarray(0, 16_000);
  modest.write(headers(1, "/hold"), data(1, part));
  await modest.frame(FrameType.SETTINGS, 0);
  const greedy = beds.last.peer();
  for (let id = 1; id < 99; id += 2) greedy.write(headers(id, "/hold"), data(id, part));
  expect((await greedy.goAway())[0]).toBe(ErrorCode.ENHANCE_YOUR_CALM);
  modest.write(unary(3, "/echo", "x"));
  expect((await modest.answer(3)).body).toEqual(message("x"));
});

test("a message in pieces far too small costs the peer its connection", async () => {
  const peer = await open();
  const long = message(Buffer.alloc(100_000));
  const pieces = Buffer.concat(
    [...long].slice(0, 5000).map((byte) => data(1, Buffer.from([byte]))),
  );
  peer.write(headers(1, "/hold"), pieces);
  expect(await peer.goAway()).toEqual([
    ErrorCode.ENHANCE_YOUR_CALM,
    "a message in too many pieces",
  ]);
});

test("a claimed length holds nothing before its bytes arrive", async () => {
  const peer = await open({ heldBytesPerConnectionMax: 1_000_000 });
  const claim = message(Buffer.alloc(2_000_000)).subarray(0, 10);
  for (let id = 1; id < 200; id += 2) peer.write(headers(id, "/hold"), data(id, claim));
  peer.write(unary(201, "/echo", "x"));
  expect((await peer.answer(201)).body).toEqual(message("x"));
});
