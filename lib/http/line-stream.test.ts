import { expect, test } from "vitest";
import { lineReply } from "./line-stream.ts";

async function readerOf(lines: AsyncGenerator<unknown>, cancelled: () => void) {
  const reader = lineReply(lines, cancelled).body?.getReader();
  if (reader === undefined) throw new Error("no body");
  return reader;
}

test("each line is pulled when the reader wants it, and the end ends the reply", async () => {
  async function* lines() {
    yield { a: 1 };
    yield { b: "ü" };
  }
  const reply = lineReply(lines(), () => undefined);
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
