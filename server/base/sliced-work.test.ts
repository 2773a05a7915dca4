import { expect, test } from "vitest";
import { SystemClock } from "./clock.ts";
import { SlicedWork, type Slices } from "./sliced-work.ts";

/** Every slice takes as long as it says; a turn ends when the test says so. */
class SliceClock extends SystemClock {
  #nowMs = 0;
  #soon: (() => void)[] = [];

  override monotonic(): number {
    return this.#nowMs;
  }

  override soon(callback: () => void): void {
    this.#soon.push(callback);
  }

  spend(ms: number): void {
    this.#nowMs += ms;
  }

  async turn(): Promise<void> {
    const due = this.#soon;
    this.#soon = [];
    for (const callback of due) callback();
    await new Promise(setImmediate);
  }
}

class Bench {
  readonly clock = new SliceClock();
  readonly log: string[] = [];
  readonly work: SlicedWork;

  constructor(bytesMax = 1000) {
    this.work = new SlicedWork({ clock: this.clock, worksMax: 4, bytesMax });
  }

  start(name: string, slices: number, bytes = 0, check: () => void = () => undefined) {
    return this.work.run(this.#slices(name, slices, bytes), { bytes: 0, check });
  }

  /** What ran since the last call. */
  ran(): string {
    return this.log.splice(0).join(" ");
  }

  *#slices(name: string, count: number, bytes: number): Slices<string> {
    for (let at = 1; at <= count; at++) {
      this.clock.spend(3);
      this.log.push(`${name}${at}`);
      if (at < count) yield bytes;
    }
    return name;
  }
}

test("works take turns, a slice each, and no turn has more than its time", async () => {
  const bench = new Bench();
  const ends = ["a", "b", "c", "d"].map((name) => bench.start(name, 3));
  expect(bench.work.isFull).toBe(true);
  const turns = [bench.ran()];
  for (let turn = 0; turn < 7; turn++) {
    await bench.clock.turn();
    turns.push(bench.ran());
  }
  expect(turns).toEqual(["a1", "a2 b1", "c1 d1", "a3 b2", "c2 d2", "b3 c3", "d3", ""]);
  expect(await Promise.all(ends)).toEqual(["a", "b", "c", "d"]);
  expect(bench.work.isFull).toBe(false);
  void bench.start("e", 1);
  expect(bench.ran()).toBe("e1");
});

test("once the works hold all bytes only the oldest goes on, and the rest when it has ended", async () => {
  const bench = new Bench(150);
  const ends = ["a", "b", "c"].map((name) => bench.start(name, 3, 100));
  for (let turn = 0; turn < 3; turn++) await bench.clock.turn();
  expect(bench.ran()).toBe("a1 a2 a3 b1 c1");
  expect(bench.work.bytes).toBe(200);
  for (let turn = 0; turn < 4; turn++) await bench.clock.turn();
  expect(bench.ran()).toBe("b2 b3 c2 c3");
  expect(await Promise.all(ends)).toEqual(["a", "b", "c"]);
  expect(bench.work.bytes).toBe(0);
});

test("a work that is not wanted any more ends while it waits, and makes room", async () => {
  const bench = new Bench(150);
  let isGone = false;
  const check = () => {
    if (isGone) throw new Error("gone");
  };
  const oldest = bench.start("a", 3, 100, check).catch(String);
  const other = bench.start("b", 2, 100);
  await bench.clock.turn();
  expect(bench.ran()).toBe("a1 a2");
  isGone = true;
  for (let turn = 0; turn < 3; turn++) await bench.clock.turn();
  expect(await oldest).toBe("Error: gone");
  expect(await other).toBe("b");
  expect(bench.ran()).toBe("b1 b2");
  expect(bench.work.bytes).toBe(0);
});
