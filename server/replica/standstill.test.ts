import { expect, test } from "vitest";
import { SystemClock } from "../base/clock.ts";
import { Standstill } from "./standstill.ts";

test("a turn is postponed after a standstill, behind another look at the sockets, once", async () => {
  let nowMs = 0;
  const clock = Object.assign(new SystemClock(), { monotonic: () => nowMs });
  const standstill = new Standstill(clock, 100);
  const story: string[] = [];
  const turn = () => {
    if (!standstill.postpones(turn)) story.push("turn");
  };
  nowMs = 300;
  turn();
  nowMs = 601;
  await new Promise<void>((resolve) => {
    clock.soon(() => {
      turn();
      story.push("end of a look");
      setImmediate(() => story.push("end of the next look"));
      setImmediate(() => setImmediate(resolve));
    });
  });
  expect(story).toEqual(["turn", "end of a look", "end of the next look", "turn"]);
});
