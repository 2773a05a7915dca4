import { afterEach, expect, test } from "vitest";
import { OpenedBeds, unary } from "./raw-peer.suite.ts";

const beds = new OpenedBeds();
const { open } = beds;
afterEach(() => beds.close());

/** What a peer that has been accepted would have set off by now. */
async function settled(): Promise<void> {
  await expect.poll(() => beds.last.server.connectionCount).toBeGreaterThan(0);
  await new Promise((resolve) => setTimeout(resolve, 50));
}

test("who comes before the doors open hears nothing, and is served then", async () => {
  const doors = Promise.withResolvers<void>();
  const peer = await open({}, doors.promise);
  peer.write(unary(1, "/echo", "early"));
  await settled();
  // However long it waits: nobody could have answered its preface.
  beds.last.clock.advance(60_000);
  expect(peer.frames).toEqual([]);
  expect(beds.last.app.calls).toEqual([]);
  doors.resolve();
  await peer.answer(1);
  const late = beds.last.peer(unary(1, "/echo", "late"));
  await late.answer(1);
});

test("who has gone before the doors open is forgotten", async () => {
  const doors = Promise.withResolvers<void>();
  const peer = await open({}, doors.promise);
  await settled();
  peer.socket.resetAndDestroy();
  await expect.poll(() => beds.last.server.connectionCount).toBe(0);
  doors.resolve();
  const late = beds.last.peer(unary(1, "/echo", "late"));
  await late.answer(1);
  expect(beds.last.errors).toEqual([]);
});

test("who waits takes one of the places, and the end of the server is his", async () => {
  const peer = await open({ connectionsMax: 1 }, new Promise(() => {}));
  await settled();
  beds.last.clock.advance(2_000);
  const next = beds.last.bare();
  await peer.closed();
  await settled();
  expect(beds.last.server.connectionCount).toBe(1);
  await beds.last.server.stop(0);
  await next.closed();
});
