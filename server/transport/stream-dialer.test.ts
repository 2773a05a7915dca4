import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SteppedClock } from "../base/stepped-clock.suite.ts";
import { PeerUrls } from "./peer-urls.ts";
import { StreamDialer } from "./stream-dialer.ts";

const READ_TIMEOUT_MS = 5000;
const DIAL_TIMEOUT_MS = 2000;

let isAnswering: boolean;
let asked: ServerResponse[];
const server = createServer((_request, response) => {
  asked.push(response);
  if (isAnswering) response.writeHead(200).flushHeaders();
});

let clock: SteppedClock;
let dialer: StreamDialer;
let story: string[];
let received: number;

beforeEach(async () => {
  isAnswering = true;
  asked = [];
  story = [];
  received = 0;
  clock = new SteppedClock();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  dialer = new StreamDialer({
    kind: "message",
    localId: 2n,
    peerId: 1n,
    headers: {},
    urls: new PeerUrls([`http://127.0.0.1:${port}`]),
    dialTimeoutMs: DIAL_TIMEOUT_MS,
    readTimeoutMs: READ_TIMEOUT_MS,
    clock,
    lines: {
      readerOpened: () => undefined,
      readerLost: () => undefined,
      readerNotOpened: (_kind, problem) => story.push(problem),
    },
    decoder: () => ({ push: () => undefined }),
    connected: () => story.push("connected"),
    disconnected: (problem) => story.push(problem),
    received: (byteCount) => {
      received += byteCount;
    },
    unreadable: () => undefined,
    removed: () => undefined,
  });
});

afterEach(async () => {
  dialer.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function open(): Promise<ServerResponse> {
  dialer.start();
  await expect.poll(() => story).toEqual(["connected"]);
  return asked[0] as ServerResponse;
}

async function hear(response: ServerResponse): Promise<void> {
  const before = received;
  response.write("x");
  await expect.poll(() => received).toBeGreaterThan(before);
}

test("a peer that says nothing for its time loses the stream, one that speaks keeps it", async () => {
  const response = await open();
  for (let i = 0; i < 3; i++) {
    await clock.advance(READ_TIMEOUT_MS - 1);
    await hear(response);
  }
  expect(story).toEqual(["connected"]);
  await clock.advance(READ_TIMEOUT_MS);
  expect(story).toEqual(["connected", "read timeout"]);
});

test("a standstill of this member is no silence of the peer", async () => {
  const response = await open();
  await hear(response);
  clock.stand(60_000);
  await clock.advance(0);
  await hear(response);
  expect(story).toEqual(["connected"]);
  clock.stand(60_000);
  await clock.advance(READ_TIMEOUT_MS - 501);
  expect(story).toEqual(["connected"]);
});

test("a dial without an answer is given up and made again, but not for a standstill", async () => {
  isAnswering = false;
  dialer.start();
  await expect.poll(() => asked.length).toBe(1);
  clock.stand(60_000);
  await clock.advance(DIAL_TIMEOUT_MS - 300);
  expect(story).toEqual([]);
  isAnswering = true;
  await clock.advance(400);
  await expect.poll(() => story).toEqual(["dial timeout", "connected"]);
});
