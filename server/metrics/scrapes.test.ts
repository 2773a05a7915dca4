import { expect, test } from "vitest";
import { SystemClock } from "../base/clock.ts";
import { Metrics } from "./metrics.ts";
import { Scrapes } from "./scrapes.ts";

/** Of which each exposition counts those before it, and a pause ends when a test says so. */
class CountingMetrics extends Metrics {
  made = 0;
  failure: Error | undefined;

  override async text(): Promise<string> {
    if (this.failure !== undefined) throw this.failure;
    return String(this.made++);
  }
}

class PausedClock extends SystemClock {
  readonly paused: (() => void)[] = [];

  override after(_delayMs: number, callback: () => void): () => void {
    this.paused.push(callback);
    return () => {};
  }
}

function scrapes() {
  const metrics = new CountingMetrics();
  const clock = new PausedClock();
  const shared = new Scrapes(metrics, clock);
  const ask = async () => (await shared.text()).toString();
  return { metrics, clock, ask };
}

test("who asks alone is answered at once, and who asks later with what is true later", async () => {
  const { clock, ask } = scrapes();
  expect(await ask()).toBe("0");
  clock.paused.shift()?.();
  expect(await ask()).toBe("1");
});

test("however many ask while one is made or in the pause behind it share the next", async () => {
  const { metrics, clock, ask } = scrapes();
  const first = ask();
  const during = Array.from({ length: 500 }, ask);
  expect(await first).toBe("0");
  const inPause = Array.from({ length: 500 }, ask);
  expect(metrics.made).toBe(1);
  clock.paused.shift()?.();
  expect(new Set(await Promise.all([...during, ...inPause]))).toEqual(new Set(["1"]));
  expect(metrics.made).toBe(2);
  expect(metrics.scrapes).toMatchObject({ inFlight: 0, answered: 1001, failed: 0 });
});

test("one that cannot be made is told to all who wait for it, and the next is tried", async () => {
  const { metrics, clock, ask } = scrapes();
  metrics.failure = new Error("no figures");
  await expect(ask()).rejects.toThrow("no figures");
  metrics.failure = undefined;
  clock.paused.shift()?.();
  expect(await ask()).toBe("0");
  expect(metrics.scrapes).toMatchObject({ inFlight: 0, answered: 1, failed: 1 });
});
