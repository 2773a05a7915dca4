import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { Turns } from "./turns.ts";

/** Work that ends when it is told to, and who has begun his and how each call ended. */
function bench(atOnceMax: number, waitingMax: number) {
  const turns = new Turns(atOnceMax, waitingMax);
  const begun: string[] = [];
  const ended = new Map<string, string>();
  const running: (() => void)[] = [];
  let port = 0;
  const come = (name: string, host = name) => {
    const taker = {
      remote: `${host}:${++port}`,
      isCanceled: false,
      onCancel: undefined as (() => void) | undefined,
      cancel() {
        taker.isCanceled = true;
        taker.onCancel?.();
      },
    };
    const work = async () => {
      begun.push(name);
      await new Promise<void>((resolve) => running.push(resolve));
      return "done";
    };
    void turns.take(taker, work).then(
      (outcome) => ended.set(name, outcome),
      (error: Error) => ended.set(name, error.message),
    );
    return taker;
  };
  const finishOne = async () => {
    running.shift()?.();
    await turn();
  };
  return { turns, begun, ended, come, finishOne };
}

test("hosts take turns, and callers of one host come in their order", async () => {
  const { begun, ended, come, finishOne } = bench(2, 100);
  for (const name of ["a1", "a2", "a3", "a4", "a5"]) come(name, "a");
  for (const name of ["b1", "b2"]) come(name, "[::1]");
  come("c1", "c");
  expect(begun).toEqual(["a1", "a2"]);
  for (let left = 8; left > 0; left--) await finishOne();
  expect(begun).toEqual(["a1", "a2", "a3", "b1", "c1", "a4", "b2", "a5"]);
  expect(new Set(ended.values())).toEqual(new Set(["done"]));
  come("later");
  come("last");
  expect(begun.slice(-2)).toEqual(["later", "last"]);
});

test("who is gone before his turn costs no work and leaves his place at once", async () => {
  const { turns, begun, ended, come, finishOne } = bench(1, 3);
  come("first", "a");
  const waiting = ["a1", "a2", "a3"].map((name) => come(name, "a"));
  expect(turns.waitingCount).toBe(3);
  for (const taker of waiting) taker.cancel();
  await turn();
  expect(turns.waitingCount).toBe(0);
  expect([...ended]).toEqual(
    ["a1", "a2", "a3"].map((name) => [name, "etcdserver: request canceled"]),
  );
  come("honest", "a");
  await finishOne();
  expect(begun).toEqual(["first", "honest"]);
});

test("who is found gone when his turn comes costs no work, and the next has it", async () => {
  const { begun, ended, come, finishOne } = bench(1, 10);
  come("first");
  come("gone").isCanceled = true;
  come("next");
  await finishOne();
  expect(begun).toEqual(["first", "next"]);
  expect(ended.get("gone")).toBe("etcdserver: request canceled");
});

test("a host that takes all places gives one up to each of the others, and gets none more", async () => {
  const { turns, begun, ended, come, finishOne } = bench(1, 4);
  for (let at = 0; at < 6; at++) come(`a${at}`, "a");
  await turn();
  const refusal = "etcdserver: too many requests";
  expect([...ended]).toEqual([["a5", refusal]]);
  come("b", "b");
  come("c", "c");
  await turn();
  expect(ended.get("a1")).toBe(refusal);
  expect(ended.get("a2")).toBe(refusal);
  expect(turns.waitingCount).toBe(4);
  come("a6", "a");
  come("b2", "b");
  await turn();
  expect(ended.get("a6")).toBe(refusal);
  expect(ended.get("b2")).toBeUndefined();
  expect(ended.get("a3")).toBe(refusal);
  for (let left = 5; left > 0; left--) await finishOne();
  expect(begun).toEqual(["a0", "a4", "b", "c", "b2"]);
  expect(turns.waitingCount).toBe(0);
});

test("work that fails gives its turn on", async () => {
  const turns = new Turns(1, 10);
  const taker = { remote: "a:1", isCanceled: false, onCancel: undefined };
  const failing = turns.take(taker, () => Promise.reject(new Error("broken")));
  const after = turns.take(taker, async () => "done");
  await expect(failing).rejects.toThrow("broken");
  await expect(after).resolves.toBe("done");
});
