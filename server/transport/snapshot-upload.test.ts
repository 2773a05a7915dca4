import { type AddressInfo, createServer, type Socket } from "node:net";
import { type ConnectionOptions, connect } from "node:tls";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { SteppedClock } from "../base/stepped-clock.suite.ts";
import { BLANK_MESSAGE } from "../raft/message.ts";
import { SnapshotUploads } from "./snapshot-upload.ts";
import type { Destination } from "./tls.ts";

let connections: Socket[];
let authority: string;
/** Connects, and says nothing. */
const mute = createServer((socket) => {
  connections.push(socket.resume());
  socket.on("error", () => undefined);
});
const database = {
  totalBytes: 4,
  async *chunks() {
    yield Buffer.from("page");
  },
};

beforeEach(async () => {
  connections = [];
  await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
  authority = `127.0.0.1:${(mute.address() as AddressInfo).port}`;
});

afterEach(async () => {
  for (const connection of connections) connection.destroy();
  await new Promise<void>((resolve) => void mute.close(() => resolve()));
});

function upload(uploads: SnapshotUploads, scheme: string): Promise<unknown> {
  const dialTls = (destination: Destination) => connect(destination as ConnectionOptions);
  const target = { url: `${scheme}://${authority}`, headers: {}, dialTls };
  const failed = (error: Error) => error.message;
  return uploads.upload(target, BLANK_MESSAGE, EMPTY_BYTES, database).catch(failed);
}

test("a peer whose handshake does not come is given up", async () => {
  const clock = new SteppedClock();
  const over = upload(new SnapshotUploads(clock), "https");
  await expect.poll(() => connections.length).toBe(1);
  await clock.advance(11_000);
  expect(await over).toBe("dial timeout");
});

test("a peer that is connected may take longer for its answer", async () => {
  const clock = new SteppedClock();
  const uploads = new SnapshotUploads(clock);
  const over = upload(uploads, "http");
  await expect.poll(() => connections.length).toBe(1);
  await expect.poll(() => connections[0]?.bytesRead).toBeGreaterThan(0);
  await clock.advance(60_000);
  uploads.stop();
  expect(await over).toBe("transport stopped");
});
