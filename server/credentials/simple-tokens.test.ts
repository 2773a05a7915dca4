import { beforeEach, expect, test } from "vitest";
import type { Clock } from "../base/clock.ts";
import { SeededRandom } from "../base/random.ts";
import { EtcdError } from "../errors.ts";
import { SIMPLE_TOKENS_MAX, SimpleTokens } from "./simple-tokens.ts";

/** Time that moves when it is told to. */
class StoppedClock implements Clock {
  #nowMs = 0;
  #tick: () => void = () => undefined;
  now = () => this.#nowMs;
  monotonic = () => this.#nowMs;
  after = () => () => undefined;
  soon = () => undefined;

  every(_periodMs: number, callback: () => void) {
    this.#tick = callback;
    return () => {
      this.#tick = () => undefined;
    };
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    this.#tick();
  }
}

let clock: StoppedClock;
let tokens: SimpleTokens;
let appliedIndex: number;
let catchUp: () => Promise<void>;

beforeEach(() => {
  clock = new StoppedClock();
  appliedIndex = 10;
  catchUp = async () => undefined;
  tokens = new SimpleTokens({
    clock,
    random: new SeededRandom(1),
    ttlSeconds: 5,
    appliedIndex: () => appliedIndex,
    catchUp: () => catchUp(),
  });
});

const REVISION = () => 7;

test("a token is its user's until it was not used for its time", () => {
  tokens.assigned("alice", "x.3");
  tokens.assigned("bob", "y.4");
  clock.pass(4000);
  expect(tokens.holder("x.3", REVISION)).toEqual({ username: "alice", authRevision: 7 });
  clock.pass(2000);
  expect(tokens.holder("y.4", REVISION)).toBeUndefined();
  expect(tokens.holder("x.3", REVISION)).toBeDefined();
  clock.pass(5001);
  expect(tokens.holder("x.3", REVISION)).toBeUndefined();
  expect(tokens.count).toBe(0);
});

test("prefixes are sixteen letters, never the same", () => {
  const prefixes = Array.from({ length: 200 }, () => tokens.newPrefix());
  expect(prefixes.every((prefix) => /^[a-zA-Z]{16}$/.test(prefix))).toBe(true);
  expect(new Set(prefixes).size).toBe(200);
});

test("a changed user's tokens are void, all are when auth goes off", () => {
  for (const [user, token] of [
    ["alice", "a.1"],
    ["alice", "b.2"],
    ["bob", "c.3"],
  ] as const) {
    tokens.assigned(user, token);
  }
  tokens.userChanged("alice");
  expect(tokens.count).toBe(1);
  expect(tokens.holder("c.3", REVISION)).toBeDefined();
  tokens.disabled();
  expect(tokens.holder("c.3", REVISION)).toBeUndefined();
});

test("no token outlives its state: what ended one may have come with the next", () => {
  tokens.assigned("alice", "a.1");
  tokens.stateReplaced();
  expect(tokens.holder("a.1", REVISION)).toBeUndefined();
  expect(tokens.count).toBe(0);
});

test("a token of an entry not yet applied here is looked up again behind it", async () => {
  catchUp = async () => {
    appliedIndex = 30;
    tokens.assigned("alice", "later.20");
  };
  expect(await tokens.holder("later.20", REVISION)).toMatchObject({ username: "alice" });
  catchUp = async () => undefined;
  expect(await tokens.holder("invented.99999999999999999999", REVISION)).toBeUndefined();
  catchUp = async () => {
    throw new EtcdError("Timeout");
  };
  await expect(tokens.holder("invented.99", REVISION)).rejects.toThrow("timed out");
});

test.each(["", "x", "x.", ".5.6", "x.-1", "x.1e9", "x.123456789012345678901", "x.y", "x.3"])(
  "%j is nobody's, at once",
  (token) => {
    expect(tokens.holder(token, REVISION)).toBeUndefined();
  },
);

test("there is a most of them, and the one used longest ago makes room", () => {
  for (let i = 0; i < SIMPLE_TOKENS_MAX; i++) tokens.assigned("alice", `t.${i}`);
  expect(tokens.holder("t.0", REVISION)).toBeDefined();
  tokens.assigned("bob", "new.1");
  expect(tokens.count).toBe(SIMPLE_TOKENS_MAX);
  appliedIndex = SIMPLE_TOKENS_MAX;
  expect(tokens.holder("t.0", REVISION)).toBeDefined();
  expect(tokens.holder("t.1", REVISION)).toBeUndefined();
});
