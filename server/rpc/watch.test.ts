import { expect, test } from "vitest";
import type { Cancel } from "../base/clock.ts";
import { SILENT_LOG } from "../base/log.ts";
import { SeededRandom } from "../base/random.ts";
import { type ErrorCode, EtcdError, Status } from "../errors.ts";
import type { GrpcCall } from "../http2/grpc-call.ts";
import { Metadata } from "../http2/metadata.ts";
import { MvccStore } from "../mvcc/store.ts";
import { type WatchCreateRequest, WatchRequest, WatchResponse } from "../proto/gen/rpc.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { WatchHub } from "../watch/hub.ts";
import { ManualClock } from "../watch/manual-clock.suite.ts";
import { WATCH_BACKLOG_BYTES_MAX, WATCH_UNREAD_REPLIES_MAX, watchHandler } from "./watch.ts";

class FakeCall implements GrpcCall {
  readonly path = "/etcdserverpb.Watch/Watch";
  readonly metadata = Metadata.EMPTY;
  readonly remote = "127.0.0.1:1";
  readonly peerCertificateName = undefined;
  readonly deadlineMs = undefined;
  backlogBytes = 0;
  onDrain: (() => void) | undefined = undefined;
  readonly sent: Buffer[] = [];
  readonly ended: [Status, string][] = [];
  /** Thrown instead of sending. */
  failure: Error | undefined;

  send(message: Uint8Array): void {
    if (this.failure !== undefined) throw this.failure;
    this.sent.push(Buffer.from(message));
  }

  sendPieces(pieces: readonly Uint8Array[]): void {
    this.send(Buffer.concat(pieces));
  }

  end(): void {
    this.ended.push([Status.OK, ""]);
  }

  fail(status: Status, text: string): void {
    this.ended.push([status, text]);
  }

  take(): WatchResponse[] {
    return this.sent.splice(0).map((bytes) => WatchResponse.decode(bytes));
  }
}

class TickingClock extends ManualClock {
  readonly #timers = new Set<{ dueMs: number; periodMs: number; callback: () => void }>();
  #nowMs = 0;

  override monotonic(): number {
    return this.#nowMs;
  }

  override after(delayMs?: number, callback?: () => void): Cancel {
    return this.#add(delayMs ?? 0, Number.POSITIVE_INFINITY, callback);
  }

  override every(periodMs?: number, callback?: () => void): Cancel {
    return this.#add(periodMs ?? 0, periodMs ?? 0, callback);
  }

  get timers(): number {
    return this.#timers.size;
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    for (const timer of this.#timers) {
      if (timer.dueMs > this.#nowMs) continue;
      timer.dueMs += timer.periodMs;
      if (timer.dueMs === Number.POSITIVE_INFINITY) this.#timers.delete(timer);
      timer.callback();
    }
  }

  #add(delayMs: number, periodMs: number, callback: () => void = () => undefined): Cancel {
    const timer = { dueMs: this.#nowMs + delayMs, periodMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}

const DENIED = Buffer.from("secret");
/** Nobody can tell who may watch it, for the reason that it names. */
const UNDECIDED = /^undecided (now|later): (\w+)$/;
/** Their caller's name is not known at once. */
const LATER = Buffer.from("later");
const DENIED_LATER = Buffer.from("later, secret");

function fixture() {
  const clock = new TickingClock();
  const store = MvccStore.open(new MemoryEngine());
  const hub = new WatchHub(store, clock, new SeededRandom(1));
  const open = watchHandler({
    hub,
    clock,
    random: new SeededRandom(1),
    header: (revision) => ({ clusterId: 2n ** 64n - 1n, memberId: 7n, revision, raftTerm: 3 }),
    log: SILENT_LOG,
    authorize: (_call, key) => {
      if (key.equals(DENIED)) throw new EtcdError("PermissionDenied");
      const [, when, code] = UNDECIDED.exec(key.toString()) ?? [];
      if (when === "now") throw new EtcdError(code as ErrorCode);
      if (when === "later") return Promise.reject(new EtcdError(code as ErrorCode));
      if (key.equals(DENIED_LATER)) return Promise.reject(new EtcdError("PermissionDenied"));
      return key.equals(LATER) ? Promise.resolve() : undefined;
    },
    progressNotifyMs: 600_000,
    responseBytesMax: 1000,
  });
  const call = new FakeCall();
  const handler = open(call);
  const send = (request: Parameters<typeof WatchRequest.fromPartial>[0]) => {
    handler.message(Buffer.from(WatchRequest.encode(WatchRequest.fromPartial(request)).finish()));
  };
  const put = (...keys: string[]) => {
    const txn = store.begin();
    for (const key of keys) txn.put(Buffer.from(key), Buffer.alloc(100, "v"), 0n);
    const { revision, changes } = txn.end();
    hub.publish(revision, changes);
  };
  const create = (request: Partial<WatchCreateRequest>) => send({ createRequest: request });
  /** Without telling anyone. */
  const bury = (count: number) => {
    const txn = store.begin();
    for (let i = 0; i < count; i++) txn.put(Buffer.from(`k${i}`), Buffer.alloc(100, "v"), 0n);
    txn.end();
    hub.restore(store);
  };
  return { clock, store, hub, call, handler, send, put, bury, create };
}

test("a watch is announced first, then told, under whole headers", () => {
  const { call, create, put } = fixture();
  create({ key: Buffer.from("a"), watchId: -5n });
  put("a", "b");
  const [created, event] = call.take();
  const header = { clusterId: 2n ** 64n - 1n, memberId: 7n, raftTerm: 3 };
  expect(created).toEqual({
    ...WatchResponse.create(),
    header: { ...header, revision: 1 },
    watchId: -5n,
    created: true,
  });
  expect(event).toMatchObject({ header: { ...header, revision: 2 }, watchId: -5n, created: false });
  expect(event?.events.map(({ kv }) => kv?.key.toString())).toEqual(["a"]);
});

test("a caller who is recognised later gets his answers later, in the order of his requests", async () => {
  const { call, create, handler, put } = fixture();
  create({ key: LATER });
  create({ key: DENIED_LATER });
  create({ key: Buffer.from("a") });
  expect(call.take()).toEqual([]);
  await new Promise<void>((resolve) => setImmediate(resolve));
  expect(call.take().map(({ watchId, canceled }) => [watchId, canceled])).toEqual([
    [0n, false],
    [-1n, true],
    [1n, false],
  ]);
  create({ key: LATER });
  handler.cancel("canceled");
  await new Promise<void>((resolve) => setImmediate(resolve));
  put("later");
  expect(call.take()).toEqual([]);
});

test("what cannot be watched is created and canceled in one answer without an id", () => {
  const { call, create } = fixture();
  create({ key: Buffer.from("a"), watchId: 4n });
  call.take();
  create({ key: DENIED });
  create({ key: Buffer.from("a"), watchId: 4n });
  create({ key: Buffer.from("b"), rangeEnd: Buffer.from("a") });
  const answers = call.take();
  expect(answers.map(({ cancelReason }) => cancelReason)).toEqual([
    "rpc error: code = PermissionDenied desc = etcdserver: permission denied",
    "mvcc: duplicate watch ID provided on the WatchStream",
    "mvcc: watcher range is empty",
  ]);
  for (const answer of answers) {
    expect(answer).toMatchObject({ watchId: -1n, created: true, canceled: true });
    expect(answer.compactRevision).toBe(0);
  }
});

test.each([
  ["now", "LeaderChanged"],
  ["later", "LeaderChanged"],
  ["later", "Timeout"],
] as const)(
  "where nobody can tell who may watch, %s, for %s, the stream fails",
  async (when, code) => {
    const { call, create, put } = fixture();
    create({ key: Buffer.from("a") });
    call.take();
    create({ key: Buffer.from(`undecided ${when}: ${code}`) });
    await new Promise<void>((resolve) => setImmediate(resolve));
    const { status, message } = new EtcdError(code);
    expect(call.ended).toEqual([[status, message]]);
    put("a");
    expect(call.take()).toEqual([]);
  },
);

test.each([-1, Number.MIN_SAFE_INTEGER])(
  "a watch from %s is created and canceled as compacted in one answer, whoever asks",
  (startRevision) => {
    const { call, create, put, hub } = fixture();
    put("a");
    for (const key of [Buffer.from("a"), DENIED]) {
      create({ key, startRevision, watchId: 7n });
      expect(call.take()).toEqual([
        {
          ...WatchResponse.create(),
          header: { clusterId: 2n ** 64n - 1n, memberId: 7n, raftTerm: 3, revision: 2 },
          watchId: -1n,
          created: true,
          canceled: true,
          cancelReason: "etcdserver: mvcc: required revision has been compacted",
        },
      ]);
    }
    expect(hub.watcherCount).toBe(0);
  },
);

test("a watch that too many others wait with is refused alone", async () => {
  const { call, create, put } = fixture();
  create({ key: Buffer.from("a") });
  create({ key: Buffer.from("undecided now: TooManyRequests") });
  create({ key: Buffer.from("undecided later: TooManyRequests") });
  await new Promise<void>((resolve) => setImmediate(resolve));
  const cancelReason = "rpc error: code = Unknown desc = etcdserver: too many requests";
  const refused = { watchId: -1n, created: true, canceled: true, cancelReason };
  expect(call.take()).toMatchObject([{ watchId: 0n, created: true }, refused, refused]);
  put("a");
  expect(call.take()).toMatchObject([{ watchId: 0n, events: [{ type: 0 }] }]);
  expect(call.ended).toEqual([]);
});

test("a compacted watch is created, then canceled under a header without a revision", () => {
  const { call, create, put, store, clock } = fixture();
  put("a");
  put("a");
  store.compact(3);
  create({ key: Buffer.from("a"), startRevision: 2 });
  clock.settle();
  const [created, canceled] = call.take();
  expect(created).toMatchObject({ created: true, canceled: false, watchId: 0n });
  expect(canceled).toMatchObject({ canceled: true, compactRevision: 3, cancelReason: "" });
  expect(canceled?.header).toMatchObject({ revision: 0, raftTerm: 3 });
});

test("canceling answers for a known id only, and the client's EOF ends nothing", () => {
  const { clock, call, create, send, put, handler, hub } = fixture();
  create({ key: Buffer.from("a") });
  create({ key: Buffer.from("a") });
  call.take();
  send({ cancelRequest: { watchId: 9n } });
  expect(call.take()).toEqual([]);
  send({ cancelRequest: { watchId: 0n } });
  expect(call.take()).toMatchObject([{ watchId: 0n, canceled: true, cancelReason: "" }]);
  send({});
  handler.halfClose();
  put("a");
  expect(call.take()).toMatchObject([{ watchId: 1n }]);
  expect(call.ended).toEqual([]);
  handler.cancel("canceled");
  put("a");
  expect(call.take()).toEqual([]);
  clock.settle();
  expect([hub.streamCount, hub.watcherCount]).toEqual([0, 0]);
});

test("a revision too large for one answer comes in marked parts to who takes them", () => {
  const { call, create, put } = fixture();
  create({ key: Buffer.from("k"), rangeEnd: Buffer.from("l"), fragment: true });
  create({ key: Buffer.from("k"), rangeEnd: Buffer.from("l") });
  call.take();
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
  put(...keys);
  const answers = call.take();
  const parts = answers.filter(({ watchId }) => watchId === 0n);
  const whole = answers.filter(({ watchId }) => watchId === 1n);
  expect(whole.map(({ events, fragment }) => [events.length, fragment])).toEqual([[20, false]]);
  expect(parts.length).toBeGreaterThan(2);
  expect(parts.map(({ fragment }) => fragment)).toEqual([...parts.slice(1).map(() => true), false]);
  expect(parts.every(({ header }) => header?.revision === 2)).toBe(true);
  expect(parts.flatMap(({ events }) => events)).toEqual(whole[0]?.events);
});

const PARTS = {
  key: Buffer.from("k"),
  rangeEnd: Buffer.from("l"),
  startRevision: 2,
  fragment: true,
};

test("a long revision of the past comes in parts, and no reply between them", () => {
  const { call, create, send, bury, clock } = fixture();
  bury(8000);
  create(PARTS);
  clock.turn();
  clock.turn();
  create({ key: Buffer.from("a") });
  send({ progressRequest: {} });
  send({ cancelRequest: { watchId: 1n } });
  clock.settle();
  const [created, ...answers] = call.take();
  expect(created).toMatchObject({ created: true, watchId: 0n });
  expect(answers.splice(-3)).toMatchObject([
    { created: true, watchId: 1n, header: { revision: 2 } },
    { canceled: true, watchId: 1n },
    { watchId: -1n, header: { revision: 2 } },
  ]);
  expect(answers.every(({ watchId }) => watchId === 0n)).toBe(true);
  expect(answers.flatMap(({ events }) => events)).toHaveLength(8000);
  expect(answers.map(({ fragment }) => fragment)).toEqual([
    ...answers.slice(1).map(() => true),
    false,
  ]);
  expect(answers.every(({ header }) => header?.revision === 2)).toBe(true);
});

test("a watch that is canceled between its parts is not told the rest, and replies go on", () => {
  const { call, create, send, bury, clock } = fixture();
  bury(8000);
  create(PARTS);
  clock.turn();
  clock.turn();
  expect(call.take().at(-1)).toMatchObject({ watchId: 0n, fragment: true });
  create({ key: Buffer.from("a") });
  expect(call.take()).toEqual([]);
  send({ cancelRequest: { watchId: 0n } });
  clock.settle();
  expect(call.take()).toMatchObject([
    { created: true, watchId: 1n },
    { canceled: true, watchId: 0n },
  ]);
});

test("parts have fewer bytes than an answer may have, and as many as fit", () => {
  const { call, create, bury, clock } = fixture();
  bury(4001);
  create(PARTS);
  call.take();
  clock.settle();
  const lengths = call.sent.slice(0, -1).map((bytes) => bytes.length);
  expect(Math.max(...lengths)).toBeLessThan(1000);
  expect(Math.min(...lengths)).toBeGreaterThan(1000 - 150);
});

test("one event larger than any answer is not held back", () => {
  const { call, create, put } = fixture();
  create({ key: Buffer.from("k"), rangeEnd: Buffer.from("l"), fragment: true });
  call.take();
  put(`k${"x".repeat(2000)}`);
  expect(call.take()).toMatchObject([{ fragment: false, watchId: 0n }]);
});

test("an answer is split when it has all the bytes that it may have, each part has fewer", () => {
  const partsOf = (padding: number, fragment: boolean) => {
    const { call, create, put } = fixture();
    create({ key: Buffer.from("k"), rangeEnd: Buffer.from("l"), fragment });
    call.take();
    put("k1", "k2", "k3", "k4", "k5", `k${"x".repeat(padding)}`);
    return call.sent.map((bytes) => bytes.length);
  };
  const [whole = 0] = partsOf(200, false);
  const padding = 200 + 999 - whole;
  expect(partsOf(padding, true)).toEqual([999]);
  expect(partsOf(padding + 1, false)).toEqual([1000]);
  const parts = partsOf(padding + 1, true);
  expect(parts).toHaveLength(2);
  expect(Math.max(...parts)).toBeLessThan(1000);
});

test("what cannot be sent ends the stream with an error, and the member goes on", () => {
  const { call, create, put, hub, clock } = fixture();
  create({ key: Buffer.from("a") });
  call.take();
  call.failure = new RangeError("Invalid string length");
  put("a");
  clock.settle();
  expect(call.ended).toEqual([[Status.INTERNAL, "internal error"]]);
  expect([hub.streamCount, hub.watcherCount]).toEqual([0, 0]);
});

test("progress comes on request with id -1, and by itself from the stream's start on", () => {
  const { call, create, send, put, clock, handler } = fixture();
  create({ key: Buffer.from("a") });
  expect(clock.timers).toBe(0);
  clock.pass(500_000);
  create({ key: Buffer.from("a"), progressNotify: true });
  create({ key: Buffer.from("b"), progressNotify: true });
  expect(clock.timers).toBe(1);
  call.take();
  send({ progressRequest: {} });
  expect(call.take()).toMatchObject([{ watchId: -1n, header: { revision: 1 }, events: [] }]);
  put("a");
  call.take();
  clock.pass(99_000);
  expect(call.take()).toEqual([]);
  // The interval is a tenth longer at most.
  clock.pass(61_001);
  expect(call.take()).toMatchObject([{ watchId: 2n, header: { revision: 2 }, events: [] }]);
  clock.pass(539_000);
  expect(call.take()).toEqual([]);
  clock.pass(121_001);
  expect(call.take()).toMatchObject([{ watchId: 1n }, { watchId: 2n }]);
  handler.cancel("canceled");
  expect(clock.timers).toBe(0);
});

test("what a client does not read waits in the store, not in memory", () => {
  const { call, create, put, clock } = fixture();
  create({ key: Buffer.from("a") });
  call.take();
  call.backlogBytes = WATCH_BACKLOG_BYTES_MAX;
  for (let i = 0; i < 10; i++) put("a");
  clock.settle();
  expect(call.take()).toEqual([]);
  call.backlogBytes = 0;
  call.onDrain?.();
  clock.settle();
  const revisions = call.take().flatMap(({ events }) => events.map(({ kv }) => kv?.modRevision));
  expect(revisions).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

test("a client that asks on and on and reads nothing is sent away", () => {
  const { call, create } = fixture();
  call.backlogBytes = 1;
  expect(() => {
    for (let i = 0; i <= WATCH_UNREAD_REPLIES_MAX; i++) {
      create({ key: Buffer.from("b"), rangeEnd: Buffer.from("a") });
      call.sent.length = 0;
    }
  }).toThrow("too many requests");
});

test("a malformed request fails the call as such", () => {
  const { handler } = fixture();
  expect(() => handler.message(Buffer.from([0x0a, 0xff]))).toThrow();
});
