import { expect, test } from "vitest";
import { costliest, type Holder } from "./memory-shares.ts";

const MIB = 1024 * 1024;

function holder(host: string, heldBytes: number, takenMs = 0): Holder {
  return { host, heldBytes, takenMs };
}

test("a host pays for all of its connections together, not the largest one of another", () => {
  const honest = holder("10.0.0.1", 30 * MIB);
  const crowd = Array.from({ length: 100 }, () => holder("10.0.0.2", 21 * MIB, 5));
  expect(costliest([honest, ...crowd])?.host).toBe("10.0.0.2");
});

test("of a host's connections the one goes that has taken nothing for longest", () => {
  const [reads, silent, sleepy] = [
    holder("h", 60 * MIB, 900),
    holder("h", 50 * MIB, 100),
    holder("h", 40 * MIB, 800),
  ];
  expect(costliest([reads, silent, sleepy])).toBe(silent);
  expect(costliest([reads, silent, { ...silent, heldBytes: 55 * MIB }])?.heldBytes).toBe(55 * MIB);
});

test("who holds little is not closed for what others of its host hold", () => {
  const modest = holder("h", MIB, 1);
  const greedy = holder("h", 90 * MIB, 2);
  expect(costliest([modest, greedy, holder("other", 80 * MIB)])).toBe(greedy);
});

test("where nobody holds anything nobody goes", () => {
  expect(costliest([holder("h", 0)])).toBe(undefined);
});
