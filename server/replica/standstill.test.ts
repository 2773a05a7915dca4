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

test("a process that is always slow gets its turn at every second question", () => {
  let nowMs = 0;
  const clock = Object.assign(new SystemClock(), { monotonic: () => nowMs, soon: () => undefined });
  const standstill = new Standstill(clock, 100);
  const answers = Array.from({ length: 4 }, () => {
    nowMs += 1000;
    return standstill.postpones(() => undefined);
  });
  expect(answers).toEqual([true, false, true, false]);
});
