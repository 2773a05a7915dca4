import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { runBounded } from "./bounded-runs.ts";

test("all items are run, in order, and never more than the bound at once", async () => {
  const begun: number[] = [];
  let running = 0;
  let most = 0;
  await runBounded([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    begun.push(item);
    running++;
    most = Math.max(most, running);
    await delay(8 - item);
    running--;
  });
  expect(begun).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(most).toBe(3);
});

test("nothing to run is done at once, and a failure is told", async () => {
  await runBounded([], 3, () => Promise.reject(new Error("never")));
  await expect(runBounded([1], 3, () => Promise.reject(new Error("told")))).rejects.toThrow("told");
});
