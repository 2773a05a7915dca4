import type { IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import type { Clock } from "../base/clock.ts";
import { SnapshotSlots } from "./snapshot-slots.ts";

function trial() {
  const time = { nowMs: 0 };
  const gone: string[] = [];
  const slots = new SnapshotSlots({ monotonic: () => time.nowMs } as Clock);
  const enter = (name: string, receivedBytes: number) => {
    const request = { destroy: () => gone.push(name) } as unknown as IncomingMessage;
    const slot = slots.enter(request);
    slot.receivedBytes = receivedBytes;
    return slot;
  };
  return { time, gone, slots, enter };
}

test("four come in at once; for a fifth the slowest of them goes", () => {
  const { time, gone, enter } = trial();
  enter("honest", 500_000_000);
  for (const name of ["a", "b", "c"]) enter(name, 64);
  expect(gone).toEqual([]);
  time.nowMs = 20_000;
  enter("fresh", 65_536);
  expect(gone).toEqual(["a"]);
  time.nowMs = 20_001;
  for (let more = 0; more < 20; more++) enter(`flood ${more}`, 65_536);
  expect(gone).not.toContain("honest");
});

test("one that is over leaves its place", () => {
  const { gone, slots, enter } = trial();
  const first = enter("first", 0);
  for (const name of ["a", "b", "c"]) enter(name, 0);
  slots.leave(first);
  enter("next", 0);
  expect(gone).toEqual([]);
});
