import { expect, test, vi } from "vitest";
import { lineReply } from "./line-stream.ts";
import { shutDown } from "./shutdown.ts";

async function readerOf(lines: AsyncGenerator<unknown>, stop: (why: Error) => void) {
  const reader = lineReply({ requestId: "r", lines, stop }).body?.getReader();
  if (reader === undefined) throw new Error("no body");
  return reader;
}

test("each line is pulled when the reader wants it, and the end ends the reply", async () => {
  async function* lines() {
    yield { a: 1 };
    yield { b: "ü" };
  }
  const reply = lineReply({ requestId: "r", lines: lines(), stop: () => undefined });
  expect(await reply.text()).toBe('{"a":1}\n{"b":"ü"}\n');
});

test("a reader who goes is told of, and the generator comes to its end behind its step", async () => {
  const told: string[] = [];
  let finishStep: (() => void) | undefined;
  async function* lines() {
    try {
      yield 1;
      await new Promise<void>((resolve) => {
        finishStep = resolve;
      });
      told.push("step done");
      yield 2;
      told.push("another step");
    } finally {
      told.push("ended");
    }
  }
  const reader = await readerOf(lines(), () => told.push("cancelled"));
  await reader.read();
  await expect.poll(() => finishStep).toBeDefined();
  const gone = reader.cancel();
  expect(told).toEqual(["cancelled"]);
  finishStep?.();
  await gone;
  expect(told).toEqual(["cancelled", "step done", "ended"]);
});

/** Numbers until stopped, then a last word. */
function countingUntilStopped() {
  const told: string[] = [];
  const control = new AbortController();
  async function* lines() {
    try {
      for (let at = 1; !control.signal.aborted; at++) yield at;
      yield String(control.signal.reason.message);
    } finally {
      told.push("ended");
    }
  }
  const stop = (why: Error): void => {
    told.push(why.message);
    control.abort(why);
  };
  return { told, lines: lines(), stop };
}

test("the signal to stop ends the lines, and the reader has their last word", async () => {
  const { told, lines, stop } = countingUntilStopped();
  const reply = lineReply({ requestId: "r", lines, stop });
  await Promise.resolve();
  shutDown();
  const text = await reply.text();
  expect(text.trim().split("\n").at(-1)).toBe('"the console is stopping"');
  expect(told).toEqual(["the console is stopping", "ended"]);
  shutDown();
  expect(told).toHaveLength(2);
});

test("a reader that takes nothing for half a minute is cut off, and the lines end", async () => {
  vi.useFakeTimers();
  try {
    const { told, lines, stop } = countingUntilStopped();
    const reader = await readerOf(lines, stop);
    for (let at = 0; at < 3; at++) {
      await reader.read();
      await vi.advanceTimersByTimeAsync(29_000);
    }
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toEqual(["the reader takes nothing", "ended"]);
    await expect(reader.read()).rejects.toThrow("the reader takes nothing");
  } finally {
    vi.useRealTimers();
  }
});
