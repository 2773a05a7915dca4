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
