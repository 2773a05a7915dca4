import { beforeEach, expect, test } from "vitest";
import type { Clock } from "./clock.ts";
import { type Guest, GuestList } from "./guest-list.ts";

let nowMs = 0;
const clock = { monotonic: () => nowMs } as Clock;
let list: GuestList;
let gone: string[];

class TestGuest implements Guest {
  readonly arrivedMs = nowMs;
  readonly name: string;
  heardMs = nowMs;
  hasAsked = false;
  isWaiting = true;

  constructor(name: string) {
    this.name = name;
  }

  destroy(): void {
    gone.push(this.name);
    list.delete(this);
  }
}

/** One that has asked and got its answer. */
function tried(name: string): TestGuest {
  return Object.assign(new TestGuest(name), { hasAsked: true });
}

function served(name: string): TestGuest {
  return Object.assign(tried(name), { isWaiting: false });
}

beforeEach(() => {
  nowMs = 0;
  gone = [];
  list = new GuestList(3, clock);
});

test("as long as there is room everybody stays", () => {
  const guests = [new TestGuest("a"), tried("b"), served("c")];
  for (const guest of guests) expect(list.admit(guest)).toBe(true);
  expect([list.size, gone]).toEqual([3, []]);
});

test("who never asked goes first, the oldest of them, whatever came in between", () => {
  for (const guest of [tried("a"), new TestGuest("b"), new TestGuest("c")]) list.admit(guest);
  nowMs = 2_000;
  list.admit(new TestGuest("d"));
  list.admit(new TestGuest("e"));
  expect(gone).toEqual(["b", "c"]);
});

test("who has just come has a second to ask, as long as somebody else was silent for a minute", () => {
  const [active, silent] = [tried("active"), tried("silent")];
  list.admit(active);
  list.admit(silent);
  nowMs = 70_000;
  active.heardMs = 69_000;
  list.admit(new TestGuest("hasty"));
  list.admit(new TestGuest("next"));
  expect(gone).toEqual(["silent"]);
  list.admit(new TestGuest("another"));
  expect(gone).toEqual(["silent", "hasty"]);
});

test("of those who asked, the one heard of longest ago goes", () => {
  const guests = [tried("a"), tried("b"), tried("c")];
  for (const guest of guests) list.admit(guest);
  nowMs = 500;
  for (const [at, guest] of guests.entries()) guest.heardMs = [300, 100, 200][at] ?? 0;
  list.admit(tried("d"));
  list.admit(tried("e"));
  expect(gone).toEqual(["b", "c"]);
});

test("who is being served stays, and where all are nobody comes in", () => {
  for (const name of ["a", "b", "c"]) list.admit(served(name));
  nowMs = 1_000_000;
  expect(list.admit(new TestGuest("d"))).toBe(false);
  expect([list.size, gone]).toEqual([3, []]);
});

test("whoever asks after he came counts as one who asked", () => {
  const late = new TestGuest("late");
  for (const guest of [late, served("b"), served("c")]) list.admit(guest);
  nowMs = 5_000;
  Object.assign(late, { hasAsked: true, isWaiting: false });
  expect(list.admit(new TestGuest("d"))).toBe(false);
  late.isWaiting = true;
  late.heardMs = 5_000;
  expect(list.admit(new TestGuest("e"))).toBe(true);
  expect(gone).toEqual(["late"]);
});

test("of a full house not everybody is looked at for each who comes", () => {
  let looks = 0;
  const size = 1000;
  list = new GuestList(size, clock);
  const guests = Array.from({ length: size }, (_, at) => {
    const guest = Object.assign(tried(String(at)), { heardMs: size - at });
    const get = () => {
      looks++;
      return true;
    };
    return Object.defineProperty(guest, "isWaiting", { get });
  });
  for (const guest of guests) list.admit(guest);
  nowMs = 100_000;
  // He is heard of again: others go before him.
  const woken = Object.assign(guests.at(-2) ?? tried("none"), { heardMs: 99_999 });
  for (let comer = 0; comer < 100; comer++) list.admit(served("comer"));
  const expected = guests.toReversed().filter((guest) => guest !== woken);
  expect(gone).toEqual(expected.slice(0, 100).map(({ name }) => name));
  expect(looks).toBeLessThan(2 * size);
});
