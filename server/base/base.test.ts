import { expect, test } from "vitest";
import { hexId, prefixEnd } from "./bytes.ts";
import { crc32c } from "./crc32c.ts";
import { parseJson } from "./json.ts";
import { BoundedQueue } from "./queue.ts";
import { SeededRandom } from "./random.ts";

test("crc32c gives the standard's check value, whole and in pieces", () => {
  const text = Buffer.from("123456789");
  expect(crc32c(text)).toBe(0xe3069283);
  expect(crc32c(text.subarray(4), crc32c(text.subarray(0, 4)))).toBe(0xe3069283);
});

test("a prefix ends behind its last key, and 0xff bytes have no end", () => {
  expect(prefixEnd(Buffer.from("/a/"))).toEqual(Buffer.from("/a0"));
  expect(prefixEnd(Buffer.from([0x61, 0xff]))).toEqual(Buffer.from("b"));
  expect(prefixEnd(Buffer.from([0xff, 0xff]))).toBeUndefined();
  expect(prefixEnd(Buffer.alloc(0))).toBeUndefined();
});

test("JSON keeps numbers whole, and makes of half a pair what Go makes of it", () => {
  const text = '{"id":18446744073709551615,"n":[1,1.5],"name":"a\\udce4\\ud83d\\ude00"}';
  expect(parseJson(text)).toEqual({
    id: 18_446_744_073_709_551_615n,
    n: [1, 1.5],
    name: "a\ufffd\u{1f600}",
  });
});

test("ids are 64 bits in hexadecimal, without zeros before them", () => {
  const ids = [0n, 0xfn, 0x0123_4567_89ab_cdefn, 2n ** 53n + 1n, 2n ** 64n - 1n];
  expect(ids.map(hexId)).toEqual([
    "0",
    "f",
    "123456789abcdef",
    "20000000000001",
    "ffffffffffffffff",
  ]);
});

test("a full queue refuses and keeps its order", () => {
  const queue = new BoundedQueue<number>(2);
  expect([queue.push(1), queue.push(2), queue.push(3)]).toEqual([true, true, false]);
  expect([queue.shift(), queue.shift(), queue.shift()]).toEqual([1, 2, undefined]);
});

test("the same seed gives the same numbers, another seed others", () => {
  const numbers = (seed: number) => {
    const random = new SeededRandom(seed);
    return Array.from({ length: 8 }, () => random.below(1_000_000));
  };
  expect(numbers(7)).toEqual(numbers(7));
  expect(numbers(7)).not.toEqual(numbers(8));
  expect(Math.max(...numbers(7))).toBeLessThan(1_000_000);
});
