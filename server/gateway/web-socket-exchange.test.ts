import { once } from "node:events";
import type { Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { MovableClock } from "../http2/raw-peer.suite.ts";
import type { Exchange } from "./exchange.ts";
import { heard, OPENING, OpenedGateways } from "./gateway-client.suite.ts";

const NO_MASK = Buffer.alloc(4);

const gateways = new OpenedGateways();
const { connected, crowd } = gateways;
afterEach(() => gateways.close());

function frame(opcode: number, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length]), NO_MASK, payload]);
}

/** A WebSocket that is open, and the gateway's clock. */
async function opened(): Promise<{ socket: Socket; clock: MovableClock; messages: string[] }> {
  const messages: string[] = [];
  const { socket, clock } = await connected((exchange) => {
    exchange.open?.();
    exchange.readBody(
      (bytes) => messages.push(bytes.toString()),
      () => {},
    );
  });
  socket.write(OPENING);
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 101 /);
  return { socket, clock, messages };
}

test("one that never says anything ends, one that has said something stays", async () => {
  const mute = await opened();
  mute.clock.advance(31_000);
  await once(mute.socket, "close");
  const { socket, clock, messages } = await opened();
  socket.write(frame(1, Buffer.from("{}")));
  await expect.poll(() => messages).toEqual(["{}\n"]);
  for (let minute = 0; minute < 10; minute++) clock.advance(60_000);
  socket.write(frame(1, Buffer.from("[]")));
  await expect.poll(() => messages).toEqual(["{}\n", "[]\n"]);
});

test("pings are answered, but for a client that does not read the answers", async () => {
  const { socket } = await opened();
  socket.write(frame(9, Buffer.from("are you there")));
  const [pong] = (await once(socket, "data")) as [Buffer];
  expect(pong.subarray(2).toString()).toBe("are you there");
  socket.pause();
  const pings = Buffer.concat(Array.from({ length: 10_000 }, () => frame(9, Buffer.alloc(120))));
  for (let round = 0; round < 30; round++) {
    await new Promise<void>((resolve) => socket.write(pings, () => resolve()));
  }
  socket.write(frame(8, Buffer.from([3, 232])));
  let received = 0;
  socket.on("data", (bytes: Buffer) => {
    received += bytes.length;
  });
  socket.resume();
  await once(socket, "close");
  expect(received).toBeLessThan(10 * pings.length);
});

/** A gateway whose answer to a POST is given by the test, and what it was asked. */
async function listening() {
  const asked: Exchange[] = [];
  const { socket } = await connected((exchange) => {
    asked.push(exchange);
    if (exchange.open?.() !== true) return;
    exchange.readBody(
      (bytes) => exchange.write(bytes.toString()),
      () => {},
    );
  });
  return { socket, asked, state: heard(socket) };
}

const ASK = "GET /health HTTP/1.1\r\nHost: member\r\n\r\n";
const AHEAD = Buffer.concat([
  Buffer.from(ASK + ASK + OPENING),
  frame(1, Buffer.from("first")),
  frame(1, Buffer.from("second")),
]);

test("a WebSocket opens when all that was asked before it is answered", async () => {
  for (const cut of [AHEAD.length, ASK.length, ASK.length * 2 + OPENING.length]) {
    const { socket, asked, state } = await listening();
    socket.write(AHEAD.subarray(0, cut));
    await expect.poll(() => asked.length).toBe(1);
    socket.write(AHEAD.subarray(cut));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([asked.length, state.text]).toEqual([1, ""]);
    asked[0]?.reply({ status: 200, headers: {}, body: "one" });
    await expect.poll(() => asked.length).toBe(2);
    expect(state.text).toMatch(/one$/);
    asked[1]?.reply({ status: 200, headers: {}, body: "two" });
    await expect.poll(() => state.text).toMatch(/one[^]*two[^]* 101 [^]*first[^]*second/);
    expect(asked.map(({ method }) => method)).toEqual(["GET", "GET", "POST"]);
  }
});

test("an answer before a WebSocket goes on as its client takes it", async () => {
  const { socket, asked, state } = await listening();
  socket.write(AHEAD);
  await expect.poll(() => asked.length).toBe(1);
  const [first] = asked as [Exchange];
  let hasDrained = false;
  first.onDrain = () => {
    hasDrained = true;
  };
  first.start(200, {});
  first.write("x".repeat(20_000_000));
  await expect.poll(() => hasDrained).toBe(true);
  first.end();
  await expect.poll(() => asked.length).toBe(2);
  socket.destroy();
  await expect.poll(() => state.isClosed).toBe(true);
});

test("a WebSocket that waits is forgotten with its connection", async () => {
  const { socket, asked } = await listening();
  socket.write(AHEAD);
  await expect.poll(() => asked.length).toBe(1);
  let isGone = false;
  (asked[0] as Exchange).onGone = () => {
    isGone = true;
  };
  socket.resetAndDestroy();
  (asked[0] as Exchange).start(200, {});
  await expect
    .poll(() => {
      asked[0]?.write("x");
      return isGone;
    })
    .toBe(true);
  expect(asked).toHaveLength(1);
});

test("lines of an answer are messages, sent as they come, however they are cut", async () => {
  const { socket, asked, state } = await listening();
  socket.write(OPENING);
  await expect.poll(() => state.text).toMatch(/\r\n\r\n$/);
  const [exchange] = asked as [Exchange];
  const sent = async (...texts: string[]) => {
    state.text = "";
    for (const text of texts) exchange.write(text);
    await expect.poll(() => state.text).not.toBe("");
    return state.text;
  };
  expect(await sent("one\n\ntwo\n")).toBe("\x81\x03one\x81\x03two");
  expect(await sent("thr")).toBe("\x01\x03thr");
  expect(await sent("e", "e\nfour\nfi")).toBe("\x00\x01e\x80\x01e\x81\x04four\x01\x02fi");
  state.text = "";
  exchange.end();
  await expect.poll(() => state.text).toBe("\x80\x00\x88\x02\x03\xe8");
});

test("an answer that cannot go on ends with a code that says so", async () => {
  const { socket, asked, state } = await listening();
  socket.write(OPENING);
  await expect.poll(() => state.text).toMatch(/\r\n\r\n$/);
  asked[0]?.write("half of");
  asked[0]?.abort();
  await expect.poll(() => state.text.endsWith("half of\x88\x02\x03\xf3")).toBe(true);
});

/** The head of a message of so many bytes. */
function headOf(length: number): Buffer {
  const head = Buffer.alloc(10);
  head[0] = 0x81;
  head[1] = 0xff;
  head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, NO_MASK]);
}

const TRY_AGAIN_LATER = "\x88\x02\x03\xf5";

test("of messages that are not whole all hold so much, and beyond it who waited longest goes", async () => {
  const messages: string[] = [];
  const serve = (exchange: Exchange): void => {
    exchange.open?.();
    exchange.readBody(
      (bytes) => messages.push(bytes.toString()),
      () => {},
    );
  };
  const clients = await crowd(4, serve, { heldBytesMax: 1_000_000 });
  const states = clients.map(({ socket }) => heard(socket));
  const part = Buffer.concat([headOf(900_000), Buffer.alloc(300_000)]);
  for (const [at, { socket }] of clients.entries()) {
    socket.write(OPENING);
    await expect.poll(() => states[at]?.text).toMatch(/\r\n\r\n$/);
    socket.write(part);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  const refused = states.filter(({ text }) => text.endsWith(TRY_AGAIN_LATER));
  expect(refused).toHaveLength(3);
  const kept = clients[states.findIndex((state) => !refused.includes(state))];
  kept?.socket.write(Buffer.alloc(600_000));
  await expect.poll(() => messages.length).toBe(1);
  expect(messages[0]).toHaveLength(900_001);
});

test("who does not close a WebSocket that is over has his time", async () => {
  const { socket, clock, state } = await opened().then((each) => {
    return { ...each, state: heard(each.socket) };
  });
  const farewell = "\x88\x02\x03\xe8";
  socket.allowHalfOpen = true;
  socket.write(frame(1, Buffer.from("{}")));
  socket.write(frame(8, Buffer.from([3, 232])));
  await expect.poll(() => state.text).toBe(farewell);
  clock.advance(29_000);
  await new Promise((resolve) => setTimeout(resolve, 20));
  let isCut = false;
  socket.on("error", () => {
    isCut = true;
  });
  clock.advance(2_000);
  const writes = () => {
    socket.write("more");
    return isCut;
  };
  await expect.poll(writes).toBe(true);
});
