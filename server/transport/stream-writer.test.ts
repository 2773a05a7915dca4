import { createConnection, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Cancel, Clock } from "../base/clock.ts";
import { type Message, MessageType } from "../raft/message.ts";
import { MessageEncoder } from "./message-frames.ts";
import { BACKLOG_MESSAGES_MAX, StreamWriter } from "./stream-writer.ts";

/** A clock that stands still until it is told otherwise. */
class StillClock implements Clock {
  at = 0;

  now(): number {
    return this.at;
  }

  monotonic(): number {
    return this.at;
  }

  after(): Cancel {
    return () => undefined;
  }

  every(): Cancel {
    return () => undefined;
  }

  soon(callback: () => void): void {
    callback();
  }
}

const small: Message = {
  type: MessageType.HEARTBEAT,
  to: 1n,
  from: 2n,
  term: 1,
  logTerm: 0,
  index: 0,
  entries: [],
  commit: 0,
  reject: false,
  rejectHint: 0,
  context: Buffer.alloc(0),
};
const entries = [{ type: 0, term: 1, index: 1, data: Buffer.alloc(1_000_000) }] as const;
const large: Message = { ...small, type: MessageType.APPEND, entries };

const server = createServer();
const clock = new StillClock();
let reader: Socket;
let socket: Socket;
let writer: StreamWriter;

beforeEach(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  reader = createConnection(address.port, "127.0.0.1");
  reader.pause();
  socket = await accepted;
  socket.on("error", () => undefined);
  writer = new StreamWriter(socket, new MessageEncoder(), clock, 5000);
});

afterEach(async () => {
  reader.destroy();
  socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** More than the sockets' own buffers hold, so that something waits. */
function clog(): void {
  while (socket.writableLength < 4_000_000) {
    expect(writer.push(large)).toBe(true);
    writer.flush();
  }
}

test("the frames of a turn are one chunk in one write", async () => {
  reader.resume();
  const received: Buffer[] = [];
  reader.on("data", (chunk: Buffer) => received.push(chunk));
  writer.push(small);
  writer.push(small);
  writer.flush();
  writer.flush();
  const frame = new MessageEncoder().sizeMax(small);
  const expected = `${(2 * frame).toString(16).padStart(8, "0")}\r\n`;
  await new Promise((resolve) => reader.once("data", resolve));
  const text = Buffer.concat(received).toString("latin1");
  expect(text.slice(0, 10)).toBe(expected);
  expect(text.length).toBe(12 + 2 * frame);
  expect(text.endsWith("\r\n")).toBe(true);
  expect(writer.takeSentBytes()).toBe(text.length);
  expect(writer.takeSentBytes()).toBe(0);
});

test("a reader that takes nothing makes the writer refuse instead of grow", () => {
  clog();
  let taken = 0;
  while (taken <= BACKLOG_MESSAGES_MAX && writer.push(small)) {
    writer.flush();
    taken++;
  }
  expect(taken).toBeLessThan(BACKLOG_MESSAGES_MAX);
  expect(taken).toBeGreaterThan(BACKLOG_MESSAGES_MAX - 100);
});

test("a reader that takes nothing for five seconds loses the stream, a resting stream stays", () => {
  writer.beat();
  clock.at += 60_000;
  clog();
  writer.beat();
  for (let beats = 0; beats < 3; beats++) {
    expect(socket.destroyed).toBe(false);
    clock.at += 1667;
    writer.beat();
  }
  expect(socket.destroyed).toBe(true);
  expect(writer.push(small)).toBe(false);
});

test("time in which this process stood still is no stall of the reader", () => {
  clog();
  writer.beat();
  clock.at += 60_000;
  writer.beat();
  expect(socket.destroyed).toBe(false);
  for (let beats = 0; beats < 3; beats++) {
    clock.at += 1667;
    writer.beat();
  }
  expect(socket.destroyed).toBe(true);
});
