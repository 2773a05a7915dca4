import fc from "fast-check";
import { expect, test } from "vitest";
import { finish } from "../base/steps.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { Lessor } from "./lessor.ts";

const key = (name: string) => Buffer.from(name);

function newLessor(): { engine: MemoryEngine; lessor: Lessor } {
  const engine = new MemoryEngine();
  return { engine, lessor: Lessor.open(engine, 2) };
}

test("a grant raises short TTLs to the minimum and refuses what etcd refuses", () => {
  const { lessor } = newLessor();
  expect(lessor.grant(1n, 0, 0)).toBe(2);
  expect(lessor.grant(2n, -5, 0)).toBe(2);
  expect(lessor.grant(3n, 60, 0)).toBe(60);
  expect(lessor.grant(4n, 9_000_000_000, 0)).toBe(9_000_000_000);
  expect(() => lessor.grant(5n, 9_000_000_001, 0)).toThrow("too large lease TTL");
  expect(() => lessor.grant(3n, 60, 0)).toThrow("lease already exists");
  expect(() => lessor.grant(0n, 60, 0)).toThrow("requested lease not found");
  expect(lessor.count).toBe(4);
});

test("every 64-bit id survives a restart as it is", () => {
  const ids = fc.uniqueArray(
    fc.oneof(
      fc.constantFrom(1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, -(2n ** 31n)),
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
    ),
  );
  fc.assert(
    fc.property(ids, (wanted) => {
      const { engine, lessor } = newLessor();
      const granted = wanted.filter((id) => id !== 0n);
      for (const id of granted) lessor.grant(id, 10, 0);
      const reopened = Lessor.open(engine, 2);
      expect(reopened.count).toBe(granted.length);
      for (const id of granted) reopened.revoke(id);
      expect([...engine.scan("lease")]).toEqual([]);
    }),
  );
});

test("a key is on one lease at most, and a revoked lease lets go of its keys", () => {
  const { lessor } = newLessor();
  lessor.grant(1n, 10, 0);
  lessor.grant(2n, 10, 0);
  for (const name of ["b", "a", "\xff", "c"]) lessor.attach(1n, Buffer.from(name, "latin1"));
  lessor.attach(2n, key("c"));
  lessor.detach(key("b"));
  lessor.attach(9n, key("lost"));
  expect(finish(lessor.sortedKeys(1n))).toEqual([key("a"), Buffer.from([0xff])]);
  expect(finish(lessor.sortedKeys(2n))).toEqual([key("c")]);
  expect([lessor.leaseOf(key("a")), lessor.leaseOf(key("b")), lessor.leaseOf(key("lost"))]).toEqual(
    [1n, 0n, 0n],
  );
  lessor.revoke(1n);
  expect(lessor.leaseOf(key("a"))).toBe(0n);
  expect(() => finish(lessor.sortedKeys(1n))).toThrow("requested lease not found");
  expect(() => lessor.revoke(1n)).toThrow("requested lease not found");
});

test("only the leader's clock runs, and a new leader gives the whole TTL and the extension", () => {
  const { lessor } = newLessor();
  lessor.grant(1n, 10, 0);
  expect(lessor.expired(1e9, 500)).toEqual([]);
  expect(() => lessor.renew(1n, 0)).toThrow("not a primary lessor");
  expect(() => lessor.timeToLive(1n, 0)).toThrow("not a primary lessor");
  lessor.promote(100_000, 1000);
  expect(lessor.timeToLive(1n, 100_000)).toEqual({ remainingSeconds: 11, ttlSeconds: 10 });
  expect(lessor.timeToLive(1n, 100_001).remainingSeconds).toBe(10);
  expect(lessor.expired(110_999, 500)).toEqual([]);
  expect(lessor.expired(111_000, 500)).toEqual([1n]);
  lessor.demote();
  expect(lessor.expired(1e9, 500)).toEqual([]);
});

test("renewing restarts the full TTL; too late it does nothing until the revocation", () => {
  const { lessor } = newLessor();
  lessor.promote(0, 0);
  lessor.grant(1n, 10, 0);
  expect(lessor.renew(1n, 9_000)).toEqual({ ttlSeconds: 10, isShortened: false });
  expect(lessor.expired(10_000, 500)).toEqual([]);
  expect(lessor.expired(19_000, 500)).toEqual([1n]);
  expect(lessor.renew(1n, 19_000).ttlSeconds).toBe(0);
  expect(lessor.timeToLive(1n, 19_500).remainingSeconds).toBe(0);
  lessor.revoke(1n);
  expect(() => lessor.renew(1n, 19_500)).toThrow("requested lease not found");
});

test("expired leases come in portions, and again while they are not revoked", () => {
  const { lessor } = newLessor();
  lessor.promote(0, 0);
  for (let id = 1n; id <= 7n; id++) lessor.grant(id, 2 + Number(id), 0);
  expect(finish(lessor.leases())).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n]);
  expect(lessor.expired(20_000, 5)).toEqual([1n, 2n, 3n, 4n, 5n]);
  for (let id = 1n; id <= 4n; id++) lessor.revoke(id);
  expect(lessor.expired(20_001, 5)).toEqual([6n, 7n]);
  expect(lessor.expired(22_999, 5)).toEqual([]);
  expect(lessor.expired(23_001, 5)).toEqual([5n, 6n, 7n]);
});

test("a checkpoint shortens the next leader's clock until a renewal has cleared it", () => {
  const { engine, lessor } = newLessor();
  lessor.grant(1n, 600, 0);
  lessor.checkpoint(1n, 120, 0);
  const next = Lessor.open(engine, 2);
  next.promote(0, 0);
  expect(next.timeToLive(1n, 0).remainingSeconds).toBe(120);
  expect(next.renew(1n, 0)).toEqual({ ttlSeconds: 0, isShortened: true });
  expect(next.timeToLive(1n, 0).remainingSeconds).toBe(120);
  next.checkpoint(1n, 0, 0);
  expect(next.renew(1n, 0)).toEqual({ ttlSeconds: 600, isShortened: false });
  expect(next.timeToLive(1n, 0).remainingSeconds).toBe(600);
});

test("granting and revoking for ever holds no memory of the past", () => {
  const { lessor } = newLessor();
  lessor.promote(0, 0, 300_000);
  lessor.grant(-1n, 1000, 0);
  for (let id = 1n; id <= 5000n; id++) {
    lessor.grant(id, 9_000_000_000, 0);
    lessor.revoke(id);
  }
  expect(lessor.queuedCount).toBeLessThan(4000);
  expect(lessor.expired(1_000_000, 10)).toEqual([-1n]);
});

test("what is left of a long lease is told every so often, and survives a change of leader", () => {
  const leader = newLessor().lessor;
  const { engine, lessor: follower } = newLessor();
  leader.promote(0, 0, 300_000);
  for (const lessor of [leader, follower]) {
    lessor.grant(1n, 3600, 0);
    lessor.grant(2n, 300, 0);
    lessor.grant(3n, 600, 0);
  }
  expect(leader.checkpointsDue(299_999, 10)).toEqual([]);
  leader.renew(3n, 200_000);
  const due = leader.checkpointsDue(300_000, 10);
  expect(due).toEqual([
    { id: 1n, remainingSeconds: 3300 },
    { id: 3n, remainingSeconds: 500 },
  ]);
  expect(leader.checkpointsDue(400_000, 10)).toEqual([]);
  for (const lessor of [leader, follower]) {
    for (const { id, remainingSeconds } of due) lessor.checkpoint(id, remainingSeconds, 300_000);
  }
  // The leader goes by its own clock.
  expect(leader.timeToLive(1n, 300_000)).toEqual({ remainingSeconds: 3300, ttlSeconds: 3600 });
  follower.promote(400_000, 1000, 300_000);
  expect(follower.timeToLive(1n, 400_000).remainingSeconds).toBe(3301);
  const restarted = Lessor.open(engine, 2);
  restarted.promote(500_000, 0);
  expect(restarted.timeToLive(1n, 500_000).remainingSeconds).toBe(3300);
  expect(follower.renew(1n, 401_000)).toEqual({ ttlSeconds: 0, isShortened: true });
  follower.checkpoint(1n, 0, 401_000);
  expect(follower.renew(1n, 402_000)).toEqual({ ttlSeconds: 3600, isShortened: false });
  follower.demote();
  expect(follower.checkpointsDue(10_000_000, 10)).toEqual([]);
});

test("a checkpoint of a lease that is gone is passed over", () => {
  const { lessor } = newLessor();
  lessor.checkpoint(9n, 10, 0);
  expect(lessor.has(9n)).toBe(false);
});

test("however often a lease is renewed and shortened, it waits for one checkpoint", () => {
  const { lessor } = newLessor();
  lessor.promote(0, 0, 300_000);
  lessor.grant(1n, 3600, 0);
  const queued = lessor.queuedCount;
  for (let at = 1; at <= 50; at++) {
    lessor.checkpoint(1n, 3000, at);
    lessor.checkpoint(1n, 0, at);
  }
  expect(lessor.queuedCount).toBe(queued);
  expect(lessor.checkpointsDue(300_000, 10)).toEqual([{ id: 1n, remainingSeconds: 3300 }]);
});

test("a lease renewed in the second of its checkpoint has another after the next interval", () => {
  const { lessor } = newLessor();
  lessor.promote(0, 0, 300_000);
  lessor.grant(1n, 3600, 0);
  lessor.renew(1n, 300_000);
  expect(lessor.checkpointsDue(300_000, 10)).toEqual([]);
  expect(lessor.checkpointsDue(600_000, 10)).toEqual([{ id: 1n, remainingSeconds: 3300 }]);
});

test("without checkpoints a lease is never reported", () => {
  const { lessor } = newLessor();
  lessor.grant(1n, 3600, 0);
  lessor.promote(0, 0);
  expect(lessor.checkpointsDue(3_000_000, 10)).toEqual([]);
});
