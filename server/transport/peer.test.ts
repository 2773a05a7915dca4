import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SILENT_LOG } from "../base/log.ts";
import { SteppedClock } from "../base/stepped-clock.suite.ts";
import { decodeMessage } from "../proto/codec.ts";
import { BLANK_MESSAGE, type Message, MessageType } from "../raft/message.ts";
import { Peer } from "./peer.ts";
import { readBody } from "./peer-request.ts";

const proposal: Message = {
  ...BLANK_MESSAGE,
  type: MessageType.PROPOSAL,
  to: 1n,
  from: 2n,
  entries: [{ type: 0 as const, term: 0, index: 0, data: Buffer.from("x") }],
};

const posted: unknown[] = [];
/** Where the peer takes single messages. */
const post = createHttpServer((request, response) => {
  void readBody(request, 1_000_000).then((body) => {
    posted.push(decodeMessage(body));
    response.writeHead(204).end();
  });
});
/** Where the peer opens its streams: nothing closes a connection but the peer. */
const streams = createServer({ allowHalfOpen: true });

let peer: Peer;
let clock: SteppedClock;
/** The two ends of a stream. */
let reader: Socket;
let socket: Socket;

const listening = (server: typeof streams | typeof post) =>
  new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });

beforeEach(async () => {
  posted.length = 0;
  const accepted = new Promise<Socket>((resolve) => streams.once("connection", resolve));
  reader = createConnection(await listening(streams), "127.0.0.1");
  socket = await accepted;
  socket.on("error", () => undefined);
  socket.resume();
  const address = { id: 1n, urls: [`http://127.0.0.1:${await listening(post)}`] };
  clock = new SteppedClock();
  peer = new Peer(address, {
    identity: { memberId: 2n, clusterId: 3n, serverVersion: "3.5.16", peerUrls: [] },
    clock,
    log: SILENT_LOG,
    dialTimeoutMs: 2000,
    readTimeoutMs: 5000,
    writeTimeoutMs: 5000,
    message: () => undefined,
    unreachable: () => undefined,
    removed: () => undefined,
  });
  peer.attach("message", socket);
});

afterEach(async () => {
  peer.stop();
  reader.destroy();
  socket.destroy();
  await Promise.all([streams, post].map((server) => new Promise((done) => server.close(done))));
});

test("a message goes into the stream that the peer has opened", async () => {
  const read = new Promise((resolve) => reader.once("data", resolve));
  peer.push(proposal);
  peer.flush();
  await read;
  expect(posted).toEqual([]);
});

test("a message does not go into a stream whose reader has hung up", async () => {
  await new Promise((resolve) => {
    socket.once("end", resolve);
    reader.end();
  });
  expect(socket.destroyed).toBe(false);
  peer.push(proposal);
  peer.flush();
  await expect.poll(() => posted).toEqual([proposal]);
});

test("a message does not go into a stream that was reset, though its end is not told yet", async () => {
  const reset = new Promise<void>((resolve) => {
    socket.once("error", () => {
      peer.push(proposal);
      peer.flush();
      resolve();
    });
  });
  reader.resetAndDestroy();
  await reset;
  await expect.poll(() => posted).toEqual([proposal]);
});

test("after a standstill a proposal goes where it is answered, until the streams have lasted", async () => {
  const append = { ...proposal, type: MessageType.APPEND, term: 1 };
  let read = 0;
  reader.on("data", ({ length }: Buffer) => {
    read += length;
  });
  const sent = async (message: Message) => {
    const before = read;
    peer.push(message);
    peer.flush();
    await expect.poll(() => read > before || posted.length > 0).toBe(true);
    return posted.splice(0).length > 0 ? "posted" : "streamed";
  };
  clock.stand(1667);
  peer.beat();
  await expect.poll(() => read).toBeGreaterThan(0);
  expect(await sent(proposal)).toBe("streamed");
  const beforeBeat = read;
  clock.stand(6500);
  peer.beat();
  await expect.poll(() => read).toBeGreaterThan(beforeBeat);
  expect(await sent(proposal)).toBe("posted");
  expect(await sent(append)).toBe("streamed");
  clock.stand(2000);
  expect(await sent(proposal)).toBe("streamed");
});
