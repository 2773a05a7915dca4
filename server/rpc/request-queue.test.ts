import { expect, test } from "vitest";
import { RequestQueue } from "./request-queue.ts";

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test("requests are handled at once, and in their order behind one that takes longer", async () => {
  const handled: number[] = [];
  const slow = Promise.withResolvers<void>();
  const slower = Promise.withResolvers<void>();
  const queue = new RequestQueue<number>(
    (request) => {
      handled.push(request);
      if (request === 2) return slow.promise;
      return request === 4 ? slower.promise : undefined;
    },
    () => expect.unreachable(),
  );
  for (let request = 1; request <= 5; request++) queue.push(request);
  expect(handled).toEqual([1, 2]);
  slow.resolve();
  await settled();
  expect(handled).toEqual([1, 2, 3, 4]);
  slower.resolve();
  await settled();
  expect(handled).toEqual([1, 2, 3, 4, 5]);
});

test("what fails later is told once, and nothing is handled behind it", async () => {
  const handled: number[] = [];
  const failures: unknown[] = [];
  const queue = new RequestQueue<number>(
    (request) => {
      handled.push(request);
      return request === 1 ? Promise.reject(new Error("late")) : undefined;
    },
    (error) => failures.push(error),
  );
  queue.push(1);
  queue.push(2);
  await settled();
  queue.push(3);
  expect(handled).toEqual([1]);
  expect(failures.map(String)).toEqual(["Error: late"]);
});

test("a closed queue handles nothing more, and a full one refuses", async () => {
  const handled: number[] = [];
  const slow = Promise.withResolvers<void>();
  const queue = new RequestQueue<number>(
    (request) => {
      handled.push(request);
      return slow.promise;
    },
    () => expect.unreachable(),
  );
  expect(() => {
    for (let request = 0; request < 20_000; request++) queue.push(request);
  }).toThrow("too many requests");
  queue.close();
  slow.resolve();
  await settled();
  expect(handled).toEqual([0]);
});
