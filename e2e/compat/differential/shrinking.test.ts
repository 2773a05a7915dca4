import fc from "fast-check";
import { expect, test } from "vitest";
import { historyOf } from "./any-history.ts";
import { type Found, shrunk } from "./shrinking.ts";
import { formatHistory, parseHistory, type Step } from "./step.ts";

const put = (key: string, lease = 0n): Step => ({
  call: "KV/Put",
  request: { key: Buffer.from(key), value: Buffer.from("v"), lease },
});

test("a history comes back the same from its file", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const steps = historyOf(seed, 60);
      expect(parseHistory(formatHistory(steps))).toEqual(steps);
    }),
    { numRuns: 20 },
  );
  expect(() => parseHistory('[{"call":"KV/Put"}]')).toThrow("no value of a history: KV/Put");
});

test("what differs shrinks to the steps and fields that it needs", async () => {
  const steps = Array.from({ length: 200 }, (_, at) => put(`k${at}`, BigInt(at)));
  /** A server that differs once k17 was put and then k130 under lease 130. */
  const play = async (played: readonly Step[]): Promise<Found | undefined> => {
    const at = played.findIndex((step) => isPut(step, "k130", 130n));
    const hasFirst = played.slice(0, Math.max(0, at)).some((step) => isPut(step, "k17"));
    if (at < 0 || !hasFirst) return undefined;
    const what = "KV/Put";
    const make = "etcd-3.5";
    const difference = { make, at, step: played[at], what, ours: "a", theirs: "b" } as const;
    return { steps: played, difference };
  };
  const found = await play(steps);
  if (found === undefined) throw new Error("the whole history differs");
  const smallest = await shrunk(found, play);
  expect(smallest.steps).toEqual([
    { call: "KV/Put", request: { key: Buffer.from("k17") } },
    { call: "KV/Put", request: { key: Buffer.from("k130"), lease: 130n } },
  ]);
  expect(smallest.difference.at).toBe(1);
});

test("what is long shrinks to its beginning", async () => {
  const play = async (steps: readonly Step[]): Promise<Found | undefined> => {
    if (!steps.some((step) => "call" in step && String(step.request["key"]).startsWith("long/")))
      return undefined;
    const what = "KV/Put";
    const make = "etcd-3.5";
    const difference = { make, at: 0, step: steps[0], what, ours: "a", theirs: "b" } as const;
    return { steps, difference };
  };
  const found = await play([put("long/".repeat(300))]);
  if (found === undefined) throw new Error("the whole history differs");
  const { steps } = await shrunk(found, play);
  expect(steps).toEqual([{ call: "KV/Put", request: { key: Buffer.from("long/lon") } }]);
});

function isPut(step: Step, key: string, lease?: bigint): boolean {
  if (!("call" in step)) return false;
  const { key: written, lease: under } = step.request;
  return String(written) === key && (lease === undefined || under === lease);
}
