import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { Flag, FrameType, PREFACE } from "./protocol.ts";
import {
  block,
  data,
  frame,
  headers,
  message,
  OPENING,
  OpenedBeds,
  requestFields,
  SETTINGS,
  uint32,
  unary,
} from "./raw-peer.suite.ts";

const beds = new OpenedBeds();
const { open } = beds;
afterEach(() => beds.close());

const EMPTY = Buffer.alloc(0);

/** `grpc-status: N`, spelled as a literal. */
function status(code: number, text = ""): string {
  const digits = String(code);
  const first = `\0\x0bgrpc-status${String.fromCharCode(digits.length)}${digits}`;
  return text === ""
    ? first
    : `${first}\0\x0cgrpc-message${String.fromCharCode(text.length)}${text}`;
}

test("a unary call is answered with headers, one message and trailers", async () => {
  const peer = await open();
  peer.write(unary(1, "/reply/3", "question"));
  const { trailers, body } = await peer.answer(1);
  expect(trailers).toBe(status(0));
  expect(body).toEqual(message("aaa"));
  const types = peer.frames.filter(({ id }) => id === 1).map(({ type }) => type);
  expect(types).toEqual([FrameType.HEADERS, FrameType.DATA, FrameType.HEADERS]);
  const first = await peer.frame(FrameType.HEADERS, 1);
  expect(first.payload.toString("latin1")).toBe("\x88\x0f\x10\x10application/grpc");
  expect(beds.last.app.canceled).toEqual([]);
});

test("a session gives the same answers when each byte arrives alone", async () => {
  const peer = await open();
  const session = Buffer.concat([OPENING, unary(1, "/echo", "one"), unary(3, "/fail", "two")]);
  const slow = beds.last.bare();
  for (const byte of session) {
    slow.socket.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  peer.write(unary(1, "/echo", "one"), unary(3, "/fail", "two"));
  expect(await slow.answer(1)).toEqual(await peer.answer(1));
  expect(await slow.answer(3)).toEqual(await peer.answer(3));
});

test("errors come as trailers alone, their text percent-encoded", async () => {
  const peer = await open();
  peer.write(unary(1, "/fail", ""));
  const { trailers } = await peer.answer(1);
  expect(trailers).toBe(`\x88\x0f\x10\x10application/grpc${status(5, "n%C3%A4h")}`);
});

test("messages are put together over DATA frames of any size, and taken apart within one", async () => {
  const peer = await open();
  const sent = [message("a"), message(""), message("b".repeat(70)), message("c")];
  const bytes = Buffer.concat(sent);
  peer.write(headers(1, "/echo"));
  for (const byte of bytes) peer.write(data(1, Buffer.from([byte])));
  peer.write(data(1, Buffer.alloc(0), Flag.END_STREAM));
  peer.write(headers(3, "/echo"), data(3, bytes, Flag.END_STREAM));
  expect((await peer.answer(1)).body).toEqual(bytes);
  expect((await peer.answer(3)).body).toEqual(bytes);
  expect(beds.last.app.messages).toBe(8);
});

test("a message that is sent in pieces is one, whether they are copied or not", async () => {
  const peer = await open();
  const window = uint32(1_000_000);
  peer.write(frame(FrameType.WINDOW_UPDATE, 0, 0, window));
  for (const [at, length] of [0, 5, 300_000].entries()) {
    const id = 1 + 2 * at;
    const asked = message("x".repeat(length));
    peer.write(headers(id, "/pieces"), frame(FrameType.WINDOW_UPDATE, 0, id, window));
    for (let sent = 0; sent < asked.length; sent += 16_384) {
      peer.write(data(id, asked.subarray(sent, sent + 16_384)));
    }
    expect((await peer.answer(id)).body).toEqual(message("x".repeat(2 * length)));
  }
});

test("padding, priority, CONTINUATION, trailers and unknown frames change nothing", async () => {
  const peer = await open();
  const fields = block(requestFields("/echo"));
  const padded = Buffer.concat([Buffer.from([4]), Buffer.alloc(5), fields, Buffer.alloc(4)]);
  const flags = Flag.PADDED | Flag.PRIORITY;
  peer.write(
    frame(FrameType.HEADERS, flags | Flag.END_HEADERS, 1, padded),
    data(1, Buffer.concat([Buffer.from([2]), message("x"), Buffer.alloc(2)]), Flag.PADDED),
    frame(0x77, 0xff, 1, Buffer.alloc(9)),
    frame(FrameType.PRIORITY, 0, 1, Buffer.alloc(5)),
    frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 1, block({ late: "x" })),
  );
  const parts = [fields.subarray(0, 1), fields.subarray(1, 20), fields.subarray(20)];
  peer.write(
    frame(FrameType.HEADERS, Flag.END_STREAM, 3, parts[0] as Buffer),
    frame(FrameType.CONTINUATION, 0, 3, parts[1] as Buffer),
    frame(FrameType.CONTINUATION, Flag.END_HEADERS, 3, parts[2] as Buffer),
  );
  expect((await peer.answer(1)).body).toEqual(message("x"));
  expect((await peer.answer(3)).trailers).toBe(status(0));
});

test("headers that come again are understood again, also after the table has moved", async () => {
  const peer = await open();
  const fields = (path: string) => {
    const { ":path": _path, ...others } = requestFields(path);
    const literal = Buffer.from([0x44, path.length]);
    return Buffer.concat([block(others), literal, Buffer.from(path)]);
  };
  const indexed = Buffer.concat([
    block({ ":method": "POST", "content-type": "application/grpc" }),
    Buffer.from([0xbe]),
  ]);
  const call = (id: number, bytes: Buffer) =>
    peer.write(frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, id, bytes));
  call(1, fields("/echo"));
  call(3, indexed);
  call(5, indexed);
  call(7, fields("/hold"));
  call(9, indexed);
  await peer.answer(5);
  await expect.poll(() => beds.last.app.calls.length).toBe(5);
  const paths = beds.last.app.calls.map(({ path }) => path);
  expect(paths).toEqual(["/echo", "/echo", "/echo", "/hold", "/hold"]);
});

test("the handler sees the metadata that somebody reads, and the peer's address", async () => {
  const peer = await open();
  const fields = requestFields("/hold", { token: "t", "grpc-timeout": "1M", "x-y": "1" });
  const again = block({ hasleader: "true", token: "u" });
  const bytes = Buffer.concat([block(fields), again]);
  peer.write(frame(FrameType.HEADERS, Flag.END_HEADERS, 1, bytes));
  await expect.poll(() => beds.last.app.calls.length).toBe(1);
  const [call] = beds.last.app.calls;
  expect([...(call?.metadata.entries() ?? [])]).toEqual([
    ["token", "t"],
    ["hasleader", "true"],
  ]);
  expect(call?.remote).toBe(`127.0.0.1:${peer.socket.localPort}`);
  const leftMs = (call?.deadlineMs ?? 0) - beds.last.clock.monotonic();
  expect(Math.round(leftMs / 10_000)).toBe(6);
});

test("requests that are no gRPC are refused with HTTP's and gRPC's status", async () => {
  const peer = await open();
  let id = -1;
  const ask = async (changes: Record<string, string>) => {
    id += 2;
    const fields = block(requestFields("/echo", changes));
    peer.write(frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, id, fields));
    return (await peer.answer(id)).trailers;
  };
  expect(await ask({ ":method": "GET" })).toContain("405");
  const html = await ask({ "content-type": "text/html" });
  expect(html).toContain("415");
  expect(html).toContain('invalid gRPC request content-type "text/html"');
  expect(await ask({ "content-type": "application/grpc-web" })).toContain("415");
  expect(await ask({ "grpc-timeout": "123456789S" })).toContain("timeout string is too long");
  expect(await ask({ "grpc-timeout": "1x" })).toContain("timeout unit is not recognized");
  for (const timeout of ["0n", "1n", "10u", "-1S", "-9999999H"]) {
    expect(await ask({ "grpc-timeout": timeout })).toContain("context deadline exceeded");
  }
  expect(await ask({ "grpc-timeout": "+-1S" })).toContain("malformed grpc-timeout");
  expect(await ask({ "grpc-timeout": "+9S", ":path": "echo" })).toContain("malformed method name");
  expect(await ask({ "grpc-encoding": "br" })).toContain(
    'grpc: Decompressor is not installed for grpc-encoding "br"',
  );
  expect(await ask({ ":path": "echo" })).toContain('malformed method name: "echo"');
  expect(await ask({ "content-type": "application/grpc+proto" })).toBe(status(0));
});

test("messages that gRPC does not allow end the call with grpc-go's words", async () => {
  const peer = await open({ messageBytesMax: 100 });
  let id = -1;
  const refused = async (payload: Uint8Array, fields: Record<string, string> = {}) => {
    id += 2;
    const head = block(requestFields("/hold", fields));
    peer.write(frame(FrameType.HEADERS, Flag.END_HEADERS, id, head));
    peer.write(data(id, payload, Flag.END_STREAM));
    return (await peer.answer(id)).trailers;
  };
  expect(await refused(message("x".repeat(101)))).toContain(
    "grpc: received message larger than max (101 vs. 100)",
  );
  expect(await refused(message("x", 1))).toContain(
    "grpc: compressed flag set with identity or empty encoding",
  );
  const gzip = { "grpc-encoding": "gzip" };
  expect(await refused(message("x", 1), gzip)).toContain(
    "grpc: failed to decompress the received message: ",
  );
  expect(await refused(message(gzipSync(Buffer.alloc(50_000)), 1), gzip)).toContain(
    "grpc: received message after decompression larger than max (101 vs. 100)",
  );
  expect(await refused(message("x", 2))).toContain("grpc: received unexpected payload format 2");
  expect(await refused(message("xyz").subarray(0, 7))).toContain("unexpected EOF");
  expect(beds.last.app.canceled).toEqual(Array(6).fill("canceled"));
});

test("a compressed message arrives as it was before", async () => {
  const peer = await open();
  const fields = requestFields("/echo", { "grpc-encoding": "gzip" });
  const text = "again and ".repeat(1000);
  const whole = Buffer.concat([message(gzipSync(text), 1), message("plain")]);
  peer.write(frame(FrameType.HEADERS, Flag.END_HEADERS, 1, block(fields)));
  peer.write(data(1, whole.subarray(0, 20)), data(1, whole.subarray(20), Flag.END_STREAM));
  const { body } = await peer.answer(1);
  expect(body).toEqual(Buffer.concat([message(text), message("plain")]));
});

test("an answer that comes before the client has finished asks it to stop", async () => {
  const peer = await open();
  peer.write(headers(1, "/fail"), data(1, message("x")));
  await peer.answer(1);
  expect(await peer.resetCode(1)).toBe(0);
  peer.write(data(1, message("late")), unary(3, "/echo", "next"));
  expect((await peer.answer(3)).body).toEqual(message("next"));
});

test("a client that has finished within the turn is not asked to stop", async () => {
  const peer = await open();
  peer.write(headers(1, "/reply/1"), data(1, message("x")), data(1, message(""), Flag.END_STREAM));
  await peer.answer(1);
  peer.write(unary(3, "/echo", "next"));
  await peer.answer(3);
  expect(peer.frames.some(({ type }) => type === FrameType.RST_STREAM)).toBe(false);
});

test("a reset, a lost connection and a passed deadline cancel the call once", async () => {
  const peer = await open();
  peer.write(headers(1, "/hold"), headers(3, "/hold"), headers(5, "/echo"));
  await expect.poll(() => beds.last.app.calls.length).toBe(3);
  peer.write(frame(FrameType.RST_STREAM, 0, 1, uint32(8)));
  await expect.poll(() => beds.last.app.canceled).toEqual(["canceled"]);
  beds.last.app.calls[2]?.end();
  peer.socket.destroy();
  await expect.poll(() => beds.last.app.canceled).toEqual(["canceled", "canceled"]);
  for (const call of beds.last.app.calls) {
    call.send(Buffer.from("late"));
    call.fail(5, "late");
  }
  const other = beds.last.peer();
  const timed = block(requestFields("/hold", { "grpc-timeout": "20m" }));
  other.write(frame(FrameType.HEADERS, Flag.END_HEADERS, 1, timed));
  expect((await other.answer(1)).trailers).toContain(status(4, "context deadline exceeded"));
  expect(beds.last.app.canceled).toEqual(["canceled", "canceled", "deadline"]);
});

test("a deadline hours away does not end a call early", async () => {
  const peer = await open();
  const timed = block(requestFields("/hold", { "grpc-timeout": "2H" }));
  peer.write(frame(FrameType.HEADERS, Flag.END_HEADERS, 1, timed));
  await expect.poll(() => beds.last.app.calls.length).toBe(1);
  beds.last.clock.advance(7_100_000);
  expect(beds.last.app.canceled).toEqual([]);
  beds.last.clock.advance(200_000);
  beds.last.clock.advance(1000);
  expect(beds.last.app.canceled).toEqual(["deadline"]);
});

test("a deadline further ahead than the wheel turns is not met a turn early", async () => {
  const peer = await open();
  const timed = block(requestFields("/hold", { "grpc-timeout": "10S" }));
  peer.write(frame(FrameType.HEADERS, Flag.END_HEADERS, 1, timed));
  await expect.poll(() => beds.last.app.calls.length).toBe(1);
  beds.last.clock.advance(1900);
  beds.last.clock.advance(1000);
  expect(beds.last.app.canceled).toEqual([]);
  beds.last.clock.advance(7200);
  expect(beds.last.app.canceled).toEqual(["deadline"]);
});

test("short answers on a stream of their own also respect the connection's window", async () => {
  const peer = await open();
  const large = frame(FrameType.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(1e6)]));
  peer.write(large, headers(1, "/echo"));
  for (let part = 0; part < 10; part++) peer.write(data(1, message(Buffer.alloc(10_000))));
  peer.write(data(1, EMPTY, Flag.END_STREAM));
  const received = () =>
    peer.frames
      .filter((f) => f.id === 1 && f.type === FrameType.DATA)
      .reduce((sum, f) => sum + f.payload.length, 0);
  await peer.until(() => received() === 65_535);
  await expect.poll(() => beds.last.app.messages).toBe(10);
  peer.write(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(100_000)));
  expect((await peer.answer(1)).body).toHaveLength(100_050);
});

test("the connection's own window is opened again as its bytes are read", async () => {
  const peer = await open({ connectionWindow: 100_000 });
  const windows = () =>
    peer.frames
      .filter((f) => f.type === FrameType.WINDOW_UPDATE && f.id === 0)
      .reduce((sum, f) => sum + f.payload.readUInt32BE(0), 65_535);
  for (let call = 0; call < 20; call++) {
    const id = 2 * call + 1;
    peer.write(headers(id, "/reply/1"), data(id, message(Buffer.alloc(16_000)), Flag.END_STREAM));
    await peer.answer(id);
  }
  expect(windows()).toBeGreaterThan(320_000);
  const rest = windows() - 20 * 16_005;
  expect(rest).toBeGreaterThan(50_000);
  expect(rest).toBeLessThanOrEqual(100_000);
});

test("answers respect the stream's window, the connection's and changes of both", async () => {
  const peer = await open();
  const initial = Buffer.concat([Buffer.from([0, 4]), uint32(10)]);
  peer.write(frame(FrameType.SETTINGS, 0, 0, initial), unary(1, "/reply/95", ""));
  const received = (id: number) =>
    peer.frames
      .filter((f) => f.id === id && f.type === FrameType.DATA)
      .reduce((sum, f) => sum + f.payload.length, 0);
  await peer.until(() => received(1) === 10);
  // A smaller initial window makes the stream's negative: the next 20 bytes only pay the debt.
  const smaller = Buffer.concat([Buffer.from([0, 4]), uint32(0)]);
  peer.write(frame(FrameType.SETTINGS, 0, 0, smaller));
  peer.write(frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(10)));
  peer.write(frame(FrameType.PING, 0, 0, Buffer.alloc(8)));
  await peer.until((frames) => frames.some((f) => f.type === FrameType.PING));
  expect(received(1)).toBe(10);
  peer.write(frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(20)));
  await peer.until(() => received(1) === 30);
  peer.write(frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(1000)));
  expect((await peer.answer(1)).body).toHaveLength(100);
  // The connection's window is what is left of 65,535.
  peer.write(frame(FrameType.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(1e6)])));
  peer.write(unary(3, "/reply/70000", ""), unary(5, "/reply/70000", ""));
  await peer.until(() => received(3) + received(5) === 65_535 - 100);
  expect(Math.abs(received(3) - received(5))).toBeLessThanOrEqual(16_384);
  peer.write(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1e6)));
  expect((await peer.answer(3)).body).toHaveLength(70_005);
  expect((await peer.answer(5)).body).toHaveLength(70_005);
});

test("a long message gets the window it needs, and several get it in turn", async () => {
  const peer = await open({ grantedBytesMax: 100_000 });
  const long = message(Buffer.alloc(200_000, 1));
  const windows = (id: number) =>
    peer.frames
      .filter((f) => f.type === FrameType.WINDOW_UPDATE && f.id === id)
      .reduce((sum, f) => sum + f.payload.readUInt32BE(0), 65_535);
  const sent = new Map([1, 3].map((id) => [id, 0]));
  peer.write(headers(1, "/reply/1"), headers(3, "/reply/1"));
  const feed = () => {
    for (const [id, at] of sent) {
      const end = Math.min(windows(id), at + 16_384, long.length);
      if (end <= at) continue;
      sent.set(id, end);
      peer.write(data(id, long.subarray(at, end), end === long.length ? Flag.END_STREAM : 0));
    }
    return peer.frames.filter((f) => f.flags & Flag.END_STREAM && f.type === 1).length === 2;
  };
  const pump = setInterval(feed, 1);
  await peer.until(feed);
  clearInterval(pump);
  expect(beds.last.app.received).toBe(400_000);
  expect(windows(1)).toBeGreaterThanOrEqual(200_005);
  expect(windows(1)).toBeLessThan(300_000);
});

test("a peer that shrinks its header table is told that we know", async () => {
  const peer = await open();
  const shrink = Buffer.concat([Buffer.from([0, 1]), uint32(0)]);
  peer.write(frame(FrameType.SETTINGS, 0, 0, shrink), unary(1, "/reply/1", ""));
  await peer.answer(1);
  const blocks = peer.frames.filter((f) => f.type === FrameType.HEADERS).map((f) => f.payload[0]);
  expect(blocks).toEqual([0x20, 0]);
});

test("draining lets open calls end, refuses new ones and then closes", async () => {
  const peer = await open();
  peer.write(headers(1, "/echo"));
  await expect.poll(() => beds.last.app.calls.length).toBe(1);
  const stopped = beds.last.server.stop(10_000);
  const goAways = () => peer.frames.filter((f) => f.type === FrameType.GOAWAY);
  await peer.until(() => goAways().length === 1);
  const ping = await peer.frame(FrameType.PING, 0);
  peer.write(frame(FrameType.PING, Flag.ACK, 0, ping.payload));
  await peer.until(() => goAways().length === 2);
  expect(goAways().map((f) => f.payload.readUInt32BE(0))).toEqual([0x7fff_ffff, 1]);
  peer.write(headers(3, "/echo"), data(1, message("end"), Flag.END_STREAM));
  expect((await peer.answer(1)).body).toEqual(message("end"));
  expect(await peer.resetCode(3)).toBe(7);
  await peer.closed();
  await stopped;
});

test("stopping cuts what does not end in time", async () => {
  const peer = await open();
  peer.write(headers(1, "/hold"));
  await expect.poll(() => beds.last.app.calls.length).toBe(1);
  await beds.last.server.stop(20);
  await peer.closed();
  expect(beds.last.app.canceled).toEqual(["canceled"]);
});

test("a preface in pieces is a preface, anything else is HTTP/1", async () => {
  await open();
  const peer = beds.last.bare();
  peer.write(PREFACE.subarray(0, 5));
  await new Promise((resolve) => setTimeout(resolve, 5));
  peer.write(PREFACE.subarray(5), SETTINGS, unary(1, "/echo", "x"));
  expect((await peer.answer(1)).body).toEqual(message("x"));
});
