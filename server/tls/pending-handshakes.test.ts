import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { type Pending, PendingHandshakes } from "./pending-handshakes.ts";

function add(pending: PendingHandshakes, address: string, port: number, isReady = true): Pending {
  const one: Pending = {
    socket: {} as Socket,
    key: `${address}:${port}`,
    address,
    remote: `${address}:${port}`,
    sinceMs: 0,
    accepted: () => {},
    isStarted: false,
    isRejected: false,
  };
  pending.add(one);
  if (isReady) pending.setReady(one);
  return one;
}

function turns(pending: PendingHandshakes): string[] {
  const taken: string[] = [];
  for (let next = pending.takeReady(); next !== undefined; next = pending.takeReady()) {
    taken.push(next.remote);
  }
  return taken;
}

test("hosts have their turns one after the other, and each its oldest first", () => {
  const pending = new PendingHandshakes();
  for (const port of [1, 2, 3]) add(pending, "flood", port);
  add(pending, "slow", 1, false);
  add(pending, "client", 1);
  add(pending, "other", 1);
  expect(turns(pending)).toEqual(["flood:1", "client:1", "other:1", "flood:2", "flood:3"]);
  expect(pending.size).toBe(6);
});

test("whoever comes while a host has many waits for one of them", () => {
  const pending = new PendingHandshakes();
  for (let port = 0; port < 1000; port++) add(pending, "flood", port);
  pending.takeReady();
  add(pending, "client", 1);
  pending.takeReady();
  expect(pending.takeReady()?.remote).toBe("client:1");
});

test("room is made by the host that has most, by its oldest", () => {
  const pending = new PendingHandshakes();
  const first = add(pending, "client", 1);
  const flood = [1, 2, 3].map((port) => add(pending, "flood", port, port !== 1));
  for (const expected of flood) {
    if (pending.size === 2) break;
    expect(pending.leastWelcome("all")).toBe(expected);
    pending.delete(expected);
  }
  pending.delete(flood[2] as Pending);
  expect(pending.leastWelcome("all")).toBe(first);
  pending.delete(first);
  expect([pending.size, pending.leastWelcome("all"), pending.takeReady()]).toEqual([
    0,
    undefined,
    undefined,
  ]);
});

test("of those that are begun room is made apart: by the host that has most, by who began first", () => {
  const pending = new PendingHandshakes();
  for (let port = 0; port < 9; port++) add(pending, "waiting", port);
  expect(pending.leastWelcome("started")).toBeUndefined();
  const lone = add(pending, "client", 1);
  const [second, first, third] = [1, 2, 3].map((port) => add(pending, "flood", port));
  for (const each of [lone, first, second, third]) pending.setStarted(each as Pending);
  expect([pending.startedCount, lone.isStarted]).toEqual([4, true]);
  for (const expected of [first, second]) {
    expect(pending.leastWelcome("started")).toBe(expected);
    pending.delete(expected as Pending);
    pending.delete(expected as Pending);
  }
  expect(pending.leastWelcome("all")?.address).toBe("waiting");
  pending.delete(third as Pending);
  expect(pending.leastWelcome("started")).toBe(lone);
  pending.delete(lone);
  expect([pending.size, pending.startedCount]).toEqual([9, 0]);
});
