import { expect, test } from "vitest";
import { SteppedClock } from "../base/stepped-clock.suite.ts";
import { LeaderStreams } from "./leader-streams.ts";

const CHECK_MS = 1000;
const STREAMS = 2500;

test("of a lost leader very many streams are told in turns, and whoever left is not", async () => {
  const clock = new SteppedClock();
  const streams = new LeaderStreams(clock, CHECK_MS, () => false);
  const told: string[] = [];
  let toldInTurn = 0;
  const all = Array.from({ length: STREAMS }, (_, i) => ({
    abort(error: Error) {
      told.push(`${i}: ${error.message}`);
      if (i > 0) return;
      setImmediate(() => (toldInTurn = told.length));
      leave(STREAMS - 1);
      streams.add({ abort: () => told.push("one that came later") });
    },
  }));
  const leave = (i: number) => {
    const stream = all[i];
    if (stream !== undefined) streams.delete(stream);
  };
  for (const stream of all) streams.add(stream);
  leave(1);
  await clock.advance(3 * CHECK_MS - 1);
  expect(told).toEqual([]);
  await clock.advance(1);
  while (told.length < STREAMS - 2) await new Promise((resolve) => setImmediate(resolve));
  expect(toldInTurn).toBe(1000);
  const others = Array.from({ length: STREAMS - 3 }, (_, i) => i + 2);
  expect(told).toEqual([0, ...others].map((i) => `${i}: etcdserver: no leader`));
  await clock.advance(CHECK_MS);
  expect(told.at(-1)).toBe("one that came later");
});
