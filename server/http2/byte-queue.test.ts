import { expect, test } from "vitest";
import { SeededRandom } from "../base/random.ts";
import { ByteQueue } from "./byte-queue.ts";

test("bytes come out as they went in, whatever the pieces on both sides", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = new SeededRandom(seed);
    const queue = new ByteQueue();
    let expected: Buffer = Buffer.alloc(0);
    for (let step = 0; step < 300; step++) {
      if (random.below(3) > 0) {
        const piece = random.bytes(random.below(random.below(10) === 0 ? 5000 : 60));
        queue.push(piece);
        expected = Buffer.concat([expected, piece]);
        piece.fill(0);
      } else {
        const count = random.below(Math.min(expected.length, 3000) + 1);
        const target = Buffer.alloc(count + 2, 0xee);
        queue.moveTo(target, 1, count);
        expect(target.subarray(1, count + 1).equals(expected.subarray(0, count))).toBe(true);
        expect([target[0], target[count + 1]]).toEqual([0xee, 0xee]);
        expected = expected.subarray(count);
      }
      expect(queue.length).toBe(expected.length);
    }
  }
});

test("a cleared queue is an empty one", () => {
  const queue = new ByteQueue();
  queue.push(Buffer.from("gone"));
  queue.clear();
  queue.push(Buffer.from("new"));
  const target = Buffer.alloc(3);
  queue.moveTo(target, 0, 3);
  expect([target.toString(), queue.length]).toEqual(["new", 0]);
});

test("a long piece is kept without a copy, between short ones that are copied", () => {
  const queue = new ByteQueue();
  const long = Buffer.alloc(300_000, 1);
  const short = Buffer.from("short");
  queue.push(short);
  queue.push(long);
  queue.push(short);
  short.fill(0);
  long[299_999] = 7;
  const target = Buffer.alloc(300_010);
  queue.moveTo(target, 0, 200_000);
  queue.moveTo(target, 200_000, 100_010);
  expect(target.equals(Buffer.concat([Buffer.from("short"), long, Buffer.from("short")]))).toBe(
    true,
  );
  expect(queue.length).toBe(0);
});
