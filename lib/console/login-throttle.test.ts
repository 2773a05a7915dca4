import { expect, test } from "vitest";
import { LoginThrottle } from "./login-throttle.ts";

const LOCKED = { seconds: 900, isNews: false };

/** How many of so many tries were let through. */
function passed(count: number, begin: (at: number) => unknown): number {
  return Array.from({ length: count }, (_, at) => begin(at)).filter((wait) => wait === undefined)
    .length;
}

test("ten failures lock an account for an address, tries in parallel included", () => {
  let now = 0;
  const throttle = new LoginThrottle(() => now);
  expect(passed(1_000, () => throttle.begin("admin", "10.0.0.1"))).toBe(10);
  expect(throttle.begin("admin", "10.0.0.1")).toEqual(LOCKED);
  expect(throttle.begin("admin", "127.0.0.1")).toBeUndefined();
  now = 899_500;
  expect(throttle.begin("admin", "10.0.0.1")?.seconds).toBe(1);
  now = 900_000;
  expect(throttle.begin("admin", "10.0.0.1")).toBeUndefined();
});

test("a success clears the failures before it", () => {
  const throttle = new LoginThrottle(() => 0);
  for (let round = 0; round < 20; round++) {
    for (let at = 0; at < 9; at++) expect(throttle.begin("admin", "a")).toBeUndefined();
    throttle.succeeded("admin", "a");
    if (round > 3) break;
  }
});

test("one address cannot try many names without end", () => {
  const throttle = new LoginThrottle(() => 0);
  expect(passed(200, (at) => throttle.begin(`user-${at}`, "10.0.0.1"))).toBe(50);
});

test("a locked address stays locked, however many names it sends", () => {
  const throttle = new LoginThrottle(() => 0);
  passed(10, () => throttle.begin("admin", "10.0.0.1"));
  expect(passed(50_000, (at) => throttle.begin(`user-${at}`, "10.0.0.1"))).toBe(40);
  expect(throttle.begin("admin", "10.0.0.1")?.seconds).toBe(900);
});

test("a flood of addresses pushes out nobody who is locked", () => {
  const throttle = new LoginThrottle(() => 0);
  passed(10, () => throttle.begin("admin", "10.0.0.1"));
  expect(passed(21_000, (at) => throttle.begin("admin", `host-${at}`))).toBe(21_000);
  expect(throttle.begin("admin", "10.0.0.1")?.seconds).toBe(900);
});

test("with nothing but locks to keep, a new address waits until the first one ends", () => {
  let now = 0;
  const throttle = new LoginThrottle(() => now);
  // Ten failures for each of five names lock these and the address: six entries.
  const lockOut = (address: string) =>
    passed(51, (at) => throttle.begin(`user-${at % 5}`, address));
  for (let at = 0; at < 3_333; at++) expect(lockOut(`host-${at}`)).toBe(50);
  passed(10, () => throttle.begin("admin", "last"));
  now = 1_000;
  expect(throttle.begin("admin", "127.0.0.1")).toEqual({ seconds: 899, isNews: true });
  expect(throttle.begin("admin", "127.0.0.1")).toEqual({ seconds: 899, isNews: false });
  now = 900_000;
  expect(throttle.begin("admin", "127.0.0.1")).toBeUndefined();
});

test("an IPv6 subnet counts as one address, and a mapped IPv4 address as itself", () => {
  const throttle = new LoginThrottle(() => 0);
  const inSubnet = (at: number) => `2001:db8:0:1::${at.toString(16)}`;
  expect(passed(100, (at) => throttle.begin("admin", inSubnet(at)))).toBe(10);
  expect(throttle.begin("admin", "2001:db8:0:1:ffff:1:2:3%eth0")).toEqual(LOCKED);
  expect(throttle.begin("admin", "2001:db8:0:2::1")).toBeUndefined();
  expect(passed(20, () => throttle.begin("admin", "::ffff:10.0.0.1"))).toBe(10);
  expect(throttle.begin("admin", "10.0.0.1")).toEqual(LOCKED);
  expect(throttle.begin("admin", "::ffff:10.0.0.2")).toBeUndefined();
});

test("the first refusal of a window is news, and no other", () => {
  let now = 0;
  const throttle = new LoginThrottle(() => now);
  const refusals = () =>
    Array.from({ length: 30 }, () => throttle.begin("admin", "a")?.isNews).filter(Boolean).length;
  expect(refusals()).toBe(1);
  expect(refusals()).toBe(0);
  now = 900_000;
  expect(refusals()).toBe(1);
});

test("a try that was not made counts for nothing", () => {
  const throttle = new LoginThrottle(() => 0);
  for (let at = 0; at < 100; at++) {
    expect(throttle.begin("admin", "a")).toBeUndefined();
    throttle.notMade("admin", "a");
  }
  expect(passed(20, () => throttle.begin("admin", "a"))).toBe(10);
});
