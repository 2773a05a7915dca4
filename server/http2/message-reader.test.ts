import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { SeededRandom } from "../base/random.ts";
import { MessageReader } from "./message-reader.ts";
import { message } from "./raw-peer.suite.ts";
import { UnpackBudget } from "./unpack-budget.ts";

const BYTES_MAX = 200_000;

function collect(budget = new UnpackBudget(Number.POSITIVE_INFINITY)) {
  const messages: Buffer[] = [];
  const refusals: string[] = [];
  let held = 0;
  const reader = new MessageReader(
    {
      message: (bytes) => messages.push(bytes) > 0,
      refuse: (_status, text) => refusals.push(text),
      hold: (bytes) => {
        held += bytes;
      },
    },
    BYTES_MAX,
    "gzip",
    budget,
  );
  return { reader, messages, refusals, held: () => held };
}

test("messages survive any cutting, and hold no more than twice what has arrived", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new SeededRandom(seed);
    const sent = Array.from({ length: 8 }, () => random.bytes(random.below(random.below(40_000))));
    const bytes = Buffer.concat(
      sent.map((body) => (random.below(3) === 0 ? message(gzipSync(body), 1) : message(body))),
    );
    const { reader, messages, held } = collect();
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 100 + random.below(16_000));
      reader.read(bytes, at, end);
      at = end;
      expect(held()).toBeLessThanOrEqual(Math.max(4096, 2 * at));
    }
    expect(messages.map((each) => each.toString("hex"))).toEqual(
      sent.map((each) => each.toString("hex")),
    );
    expect([reader.isInsideMessage, reader.missingBytes, held()]).toEqual([false, 0, 0]);
  }
});

test("a longest message passes, one byte more is refused by its head", () => {
  const longest = collect();
  const bytes = message(Buffer.alloc(BYTES_MAX));
  longest.reader.read(bytes, 0, bytes.length);
  expect(longest.messages[0]).toHaveLength(BYTES_MAX);
  const longer = collect();
  const head = message(Buffer.alloc(BYTES_MAX + 1)).subarray(0, 5);
  for (let at = 0; at < 5; at++) longer.reader.read(head, at, at + 1);
  expect(longer.refusals).toHaveLength(1);
  expect(longer.held()).toBe(0);
});

test("an unfinished message frees what it holds when its stream ends", () => {
  const { reader, held } = collect();
  const bytes = message(Buffer.alloc(50_000));
  reader.read(bytes, 0, 30_000);
  expect(reader.missingBytes).toBe(50_005 - 30_000);
  expect(held()).toBeGreaterThan(29_000);
  reader.close();
  expect(held()).toBe(0);
});

test("what may not be unpacked in this turn waits for the next, in order, and is held for", () => {
  const perTurn = 10 * 16_384;
  for (let seed = 1; seed <= 10; seed++) {
    const random = new SeededRandom(seed);
    const sent = Array.from({ length: 60 }, () => random.bytes(random.below(500)));
    const bytes = Buffer.concat(
      sent.map((body) => (random.below(6) > 0 ? message(gzipSync(body), 1) : message(body))),
    );
    const budget = new UnpackBudget(perTurn);
    const { reader, messages, held } = collect(budget);
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + random.below(2000));
      reader.read(bytes, at, end);
      at = end;
    }
    let turns = 1;
    for (; reader.isStalled; turns++) {
      expect(held()).toBeGreaterThan(0);
      const before = messages.length;
      budget.renew();
      reader.resume();
      expect(messages.length - before).toBeGreaterThan(0);
    }
    expect(turns).toBeGreaterThan(4);
    expect(messages.map((each) => each.toString("hex"))).toEqual(
      sent.map((each) => each.toString("hex")),
    );
    expect([reader.isInsideMessage, held()]).toEqual([false, 0]);
  }
});

test("what waits to be unpacked is freed when its stream ends", () => {
  const { reader, held, messages } = collect(new UnpackBudget(1));
  const bytes = Buffer.concat([1, 2, 3].map((n) => message(gzipSync(String(n)), 1)));
  reader.read(bytes, 0, bytes.length);
  expect([messages.length, reader.isStalled]).toEqual([1, true]);
  reader.close();
  expect(held()).toBe(0);
});
