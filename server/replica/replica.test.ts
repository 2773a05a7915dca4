import { afterEach, describe, expect, test } from "vitest";
import { type Applied, Applier, type ApplierOptions } from "../apply/applier.ts";
import type { Outcome } from "../apply/outcome.ts";
import { Quota } from "../apply/quota.ts";
import { ReplicatedState } from "../apply/replicated-state.ts";
import { must } from "../base/assert.ts";
import { type Cancel, type Clock, SystemClock } from "../base/clock.ts";
import { SILENT_LOG } from "../base/log.ts";
import { SeededRandom } from "../base/random.ts";
import { finish, isSteps, type Steps } from "../base/steps.ts";
import { NoTokens } from "../credentials/tokens.ts";
import { additionOf } from "../membership/conf-changes.ts";
import { encodeConfChange } from "../proto/conf-codec.ts";
import { PutRequest } from "../proto/gen/rpc.ts";
import { encodeInternal, InternalField } from "../proto/internal-codec.ts";
import { type Entry, EntryType } from "../raft/entry.ts";
import { BLANK_MESSAGE, type Message, MessageType } from "../raft/message.ts";
import { Raft } from "../raft/raft.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { TABLES } from "../storage/tables.ts";
import { MemoryWal } from "../wal/memory-wal.ts";
import { Checkpoints } from "./checkpoints.ts";
import { Compactor } from "./compactor.ts";
import { Replica } from "./replica.ts";
import { Snapshots } from "./snapshots.ts";

const CLUSTER = 0xcn;
const HEARTBEAT_MS = 10;
const memberOf = (id: bigint) => ({
  id,
  peerUrls: [`http://m${id}:1`],
  isLearner: false,
  name: `m${id}`,
  clientUrls: [],
});

/** The system's, but all that it was asked for can be ended at once. */
class TestClock extends SystemClock implements Clock {
  readonly #cancels = new Set<Cancel>();
  /** Callbacks that have been run at the ends of turns. */
  callbacks = 0;
  /** By which the work that is only said to be done has moved it on. */
  #workedMs = 0;

  work(ms: number): void {
    this.#workedMs += ms;
  }

  override monotonic(): number {
    return super.monotonic() + this.#workedMs;
  }

  override soon(callback: () => void): void {
    super.soon(() => {
      this.callbacks++;
      callback();
    });
  }

  override every(periodMs: number, callback: () => void): Cancel {
    const cancel = super.every(periodMs, callback);
    this.#cancels.add(cancel);
    return cancel;
  }

  stop(): void {
    for (const cancel of this.#cancels) cancel();
  }
}

class Disk {
  isBroken = false;
  /** Whether syncs are over on the spot. */
  readonly #isQuick: boolean;
  #gate: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;

  constructor(isQuick: boolean) {
    this.#isQuick = isQuick;
  }

  /** Of the log. */
  readonly sync = (): Promise<void> | undefined => {
    if (!this.#isQuick) return this.commit();
    if (this.isBroken) throw new Error("input/output error");
    return undefined;
  };

  /** Of the engine. */
  readonly commit = async (): Promise<void> => {
    await this.#gate;
    if (this.isBroken) throw new Error("input/output error");
  };

  close(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    this.#open = resolve;
  }

  open(): void {
    this.#open();
    this.#gate = Promise.resolve();
  }
}

/** Takes its time over an entry where it is told to. */
class SlowApplier extends Applier {
  /** Whether a client's entry that is begun now goes on until the member stops. */
  isSlow = false;
  /** Told of every client's entry that is begun. */
  onEntry = (): void => undefined;
  readonly #isStopped: () => boolean;

  constructor(options: ApplierOptions, isStopped: () => boolean) {
    super(options);
    this.#isStopped = isStopped;
  }

  override apply(entry: Entry): Applied | Steps<Applied> | undefined {
    if (entry.data.length > 0) this.onEntry();
    return this.isSlow && entry.data.length > 0 ? this.#applying(entry) : super.apply(entry);
  }

  *#applying(entry: Entry): Steps<Applied> {
    while (!this.#isStopped()) yield;
    const applied = super.apply(entry);
    return isSteps(applied) ? finish(applied) : must(applied, "a normal entry of a client's");
  }
}

interface Ground {
  readonly wal: MemoryWal;
  readonly engine: MemoryEngine;
}

/** One member over a log and an engine in memory; messages go straight to the others' inboxes. */
class TestMember {
  readonly id: bigint;
  readonly disk: Disk;
  readonly ground: Ground;
  readonly state: ReplicatedState;
  readonly replica: Replica;
  readonly failures: unknown[] = [];
  readonly snapshots: Snapshots;
  readonly compactor: Compactor;
  readonly applier: SlowApplier;
  installed = 0;

  constructor(network: Network, id: bigint, disk: Disk, ground: Ground) {
    const { clock, snapshotCount } = network;
    const { wal, engine } = ground;
    this.id = id;
    this.disk = disk;
    this.ground = ground;
    const state = new ReplicatedState({
      engine,
      membership: { memberId: id, clusterId: CLUSTER },
      leaseTtlMinSeconds: 2,
      clock,
      serverVersion: "3.5.16",
    });
    this.state = state;
    const { hardState, snapshot, entries } = wal.state();
    const { index: applied, confState } = state.applied;
    const raft = new Raft(
      {
        id,
        electionTicks: 10,
        heartbeatTicks: 1,
        preVote: true,
        appendBytesMax: 1024 * 1024,
        inflightAppendsMax: 512,
        random: new SeededRandom(Number(id)),
      },
      { hardState, snapshot, entries, applied, confState },
    );
    const quota = new Quota(Infinity, () => 0);
    this.snapshots = new Snapshots({
      state,
      clock,
      log: SILENT_LOG,
      spool: spoolTo(network),
      upload: (message) => network.sendSnapshot(this, message),
      onReceived: (message) => this.replica.withRaft((each) => each.step(message)),
      isAwaited: (index) => raft.awaitsSnapshot(index),
      onFailed: () => undefined,
      onInstalling: () => undefined,
      onInstalled: () => this.installed++,
    });
    const checkpoints = new Checkpoints({
      state,
      quota,
      clock,
      commitMs: 100,
      pendingCountMax: 20_000,
      snapshotCount,
      markerIndex: snapshot.index,
      onMarker: (mark) => this.replica.checkpointed(mark),
      confirmHeld: () => undefined,
      onRoom: () => this.replica.roomMade(),
      onFailed: (error) => this.failures.push(error),
    });
    this.applier = new SlowApplier(
      {
        state,
        quota,
        log: SILENT_LOG,
        onChanges: () => undefined,
        onCompacted: () => undefined,
        tokens: new NoTokens(),
        onSpaceExceeded: () => undefined,
      },
      () => this.replica.isStopped,
    );
    this.compactor = new Compactor({
      state,
      clock,
      log: SILENT_LOG,
      touched: () => undefined,
      batchLimit: 1000,
      pauseMs: 1,
    });
    this.replica = new Replica({
      memberId: id,
      raft,
      wal,
      state,
      applier: this.applier,
      checkpoints,
      compactor: this.compactor,
      snapshots: this.snapshots,
      sink: {
        send: (messages) => network.send(this, messages),
        activeSince: () => 0,
      },
      clock,
      timing: { heartbeatMs: HEARTBEAT_MS, electionTicks: 10 },
      catchupEntries: 5,
      events: {
        confChanged: () => undefined,
        leadershipChanged: () => undefined,
        termStarted: () => undefined,
        failed: (error) => this.failures.push(error),
      },
    });
  }

  put(key: string): Promise<Outcome> {
    const id = this.replica.nextId();
    const request = PutRequest.fromPartial({ key: Buffer.from(key), value: Buffer.from(key) });
    const bytes = PutRequest.encode(request).finish();
    return this.replica.propose(id, encodeInternal(InternalField.PUT, bytes, id));
  }

  get keys(): string[] {
    const all = { key: Buffer.from("\0"), rangeEnd: Buffer.from("\0"), revision: 0, limit: 0 };
    return this.state.kv.range(all).records.map((record) => record.key.toString());
  }
}

class Network {
  readonly clock = new TestClock();
  readonly members = new Map<bigint, TestMember>();
  readonly snapshotCount: number;
  /** Members that hear and say nothing. */
  readonly cutOff = new Set<bigint>();

  readonly #isQuick: boolean;

  /** @param isQuick whether the members' logs are synced on the spot */
  constructor(snapshotCount = 100_000, isQuick = false) {
    this.snapshotCount = snapshotCount;
    this.#isQuick = isQuick;
  }

  async found(count: number): Promise<TestMember[]> {
    const ids = Array.from({ length: count }, (_, i) => BigInt(i + 1));
    const entries = ids.map((id, position) => ({
      type: EntryType.CONF_CHANGE,
      term: 1,
      index: position + 1,
      data: encodeConfChange(additionOf(memberOf(id), 0n)),
    }));
    for (const id of ids) {
      const disk = new Disk(this.#isQuick);
      const wal = new MemoryWal({ memberId: id, clusterId: CLUSTER }, disk.sync);
      const hardState = { term: 1, vote: 0n, commit: count };
      await wal.append({ hardState, entries, sync: true });
      this.#start(id, disk, { wal, engine: new MemoryEngine(disk.commit) });
    }
    return ids.map((id) => this.member(id));
  }

  /** What a new process makes of what reached the disk. */
  restart(id: bigint): TestMember {
    const { wal, engine } = this.member(id).ground;
    const disk = new Disk(this.#isQuick);
    const ground = { wal: wal.crash(0, disk.sync), engine: engine.crash(disk.commit) };
    return this.#start(id, disk, ground);
  }

  #start(id: bigint, disk: Disk, ground: Ground): TestMember {
    const member = new TestMember(this, id, disk, ground);
    this.members.set(id, member);
    member.replica.start();
    return member;
  }

  member(id: bigint): TestMember {
    return must(this.members.get(id), "a member of this network");
  }

  send(from: TestMember, messages: readonly Message[]): void {
    for (const message of messages) {
      checkPromise(from, message);
      const target = this.#reach(from, message.to);
      if (target !== undefined) this.clock.soon(() => target.replica.step(message));
    }
  }

  sendSnapshot(from: TestMember, message: Message): void {
    const target = this.#reach(from, message.to);
    const done = (delivered: boolean) => {
      from.snapshots.sent(message.to);
      from.replica.withRaft((raft) => raft.reportSnapshot(message.to, delivered));
    };
    if (target === undefined) {
      done(false);
      return;
    }
    this.sender = from;
    void target.snapshots.receive(message, noBytes()).then(() => done(true));
  }

  /** Whose database the next spool takes. */
  sender: TestMember | undefined;

  #reach(from: TestMember, to: bigint): TestMember | undefined {
    const target = this.members.get(to);
    const isCut = this.cutOff.has(from.id) || this.cutOff.has(to);
    return isCut || this.members.get(from.id) !== from ? undefined : target;
  }

  async leader(): Promise<TestMember> {
    return until(() => [...this.members.values()].find(({ replica }) => replica.isLeader));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.members.values()].map(({ replica }) => replica.stop()));
    this.clock.stop();
  }
}

/** What a crash at this moment would leave must hold all that the message promises. */
function checkPromise(from: TestMember, message: Message): void {
  if (message.type !== MessageType.APPEND_RESPONSE || message.reject) return;
  const { entries, snapshot } = from.ground.wal.crash().state();
  expect(message.index).toBeLessThanOrEqual(entries.at(-1)?.index ?? snapshot.index);
}

async function* noBytes(): AsyncGenerator<Buffer> {}

/** In place of a file: the sender's tables as they are when it sends. */
function spoolTo(network: Network) {
  return async (index: number) => {
    const { engine } = must(network.sender, "somebody sends").ground;
    const picture = await engine.snapshot();
    return {
      appliedIndex: index,
      content: async function* () {
        for (const table of TABLES) {
          for (const [key, value] of picture.scan(table)) yield [table, key, value] as const;
        }
      },
      remove: async () => picture.close(),
    };
  };
}

async function until<T>(find: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = find();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const turns = () => new Promise((resolve) => setTimeout(resolve, 5 * HEARTBEAT_MS));

let network: Network;
afterEach(() => network.stop());

test("a write is acknowledged when the log has it on disk, not before", async () => {
  network = new Network();
  const [member] = (await network.found(1)) as [TestMember];
  await network.leader();
  await member.put("a");
  member.disk.close();
  let isSettled = false;
  const write = member.put("b").finally(() => {
    isSettled = true;
  });
  await turns();
  expect(isSettled).toBe(false);
  member.disk.open();
  expect((await write).revision).toBe(3);
});

describe.each([
  ["in the pool", false],
  ["on the spot", true],
])("the log synced %s", (_where, isQuick) => {
  test("a log that fails stops the member, and what waits for it is never acknowledged", async () => {
    network = new Network(100_000, isQuick);
    const [member] = (await network.found(1)) as [TestMember];
    await network.leader();
    let isAcknowledged = false;
    member.disk.isBroken = true;
    void member.put("a").then(
      () => {
        isAcknowledged = true;
      },
      () => undefined,
    );
    await until(() => member.failures.length > 0);
    await turns();
    expect(isAcknowledged).toBe(false);
    expect(member.replica.isStopped).toBe(true);
    await expect(member.put("b")).rejects.toThrow("server stopped");
  });

  test("every member takes writes and linearizable reads, and all hold the same", async () => {
    network = new Network(100_000, isQuick);
    const members = await network.found(3);
    await network.leader();
    await until(() => members.every(({ replica }) => replica.leadership.hasLeader));
    for (const member of members) await member.put(`key-${member.id}`);
    for (const member of members) {
      await member.replica.readBarrier();
      expect(member.keys).toEqual(["key-1", "key-2", "key-3"]);
    }
  });

  test("without a quorum nothing is acknowledged, and it goes on when the quorum is back", async () => {
    network = new Network(100_000, isQuick);
    const members = await network.found(3);
    const leader = await network.leader();
    for (const { id } of members) if (id !== leader.id) network.cutOff.add(id);
    const write = leader.put("a");
    let isSettled = false;
    void write.then(() => {
      isSettled = true;
    });
    await turns();
    expect(isSettled).toBe(false);
    network.cutOff.clear();
    await until(() => members.some((member) => member.keys.includes("a")) || isSettled);
    expect((await network.leader()).replica.isLeader).toBe(true);
    await write.catch(() => undefined);
  });

  test("a restarted member finds every acknowledged write and applies none twice", async () => {
    network = new Network(20, isQuick);
    const [member] = (await network.found(1)) as [TestMember];
    await network.leader();
    for (let i = 0; i < 60; i++) await member.put("same");
    await until(() => member.ground.wal.state().snapshot.index > 0);
    for (let i = 0; i < 7; i++) await member.put("same");
    const restarted = network.restart(1n);
    await member.replica.stop();
    await until(() => restarted.replica.isLeader);
    await restarted.replica.readBarrier();
    const { version, modRevision } = must(restarted.state.kv.get(Buffer.from("same")), "was put");
    expect([version, modRevision]).toEqual([67, 68]);
    expect((await restarted.put("same")).revision).toBe(69);
  });

  test("a member that was away longer than the log reaches is sent the whole state", async () => {
    network = new Network(20, isQuick);
    const members = await network.found(3);
    const leader = await network.leader();
    const away = must(
      members.find(({ id }) => id !== leader.id),
      "two others",
    );
    network.cutOff.add(away.id);
    for (let i = 0; i < 60; i++) await leader.put(`key-${i}`);
    await until(() => leader.replica.status().firstIndex > 30);
    network.cutOff.delete(away.id);
    await until(() => away.installed > 0);
    const now = await network.leader();
    await now.put("after");
    await until(() => away.keys.includes("after"));
    expect(away.keys).toEqual(now.keys);
    const restarted = network.restart(away.id);
    await away.replica.stop();
    await until(() => restarted.keys.includes("after"));
    expect(restarted.keys).toEqual(now.keys);
  });
});

test("entries that take their time without a pause do not share a turn", async () => {
  network = new Network(100_000, true);
  const { clock } = network;
  const [member] = (await network.found(1)) as [TestMember];
  await network.leader();
  const turnsTaken: number[] = [];
  member.applier.onEntry = () => {
    turnsTaken.push(clock.callbacks);
    clock.work(11);
  };
  await Promise.all(Array.from({ length: 5 }, (_, i) => member.put(`key-${i}`)));
  expect(new Set(turnsTaken).size).toBe(5);
});

test("a stopping member settles everything that waits", async () => {
  network = new Network();
  const [member] = (await network.found(3)) as [TestMember];
  const write = member.put("a");
  const read = member.replica.readBarrier();
  const stopped = member.replica.stop();
  await expect(write).rejects.toThrow("server stopped");
  await expect(read).rejects.toThrow("server stopped");
  await stopped;
});

test.each<[string, (member: TestMember) => Promise<unknown>]>([
  ["has stopped", (member) => member.replica.stop()],
  [
    "has lost its log",
    (member) => {
      member.disk.isBroken = true;
      member.put("lost").catch(() => undefined);
      return until(() => member.failures.length > 0);
    },
  ],
])("a member that %s deletes nothing more", async (_how, end) => {
  network = new Network();
  const [member] = (await network.found(1)) as [TestMember];
  await network.leader();
  await member.put("a");
  await member.put("a");
  const { kv } = member.state;
  await end(member);
  kv.compact(kv.revision);
  member.compactor.kick();
  await turns();
  expect(kv.isCompacting).toBe(true);
});

test("a member stops while a snapshot waits for a long entry, and installs it when it is back", async () => {
  network = new Network(20);
  const members = await network.found(3);
  const leader = await network.leader();
  const away = must(
    members.find(({ id }) => id !== leader.id),
    "two others",
  );
  away.applier.isSlow = true;
  await leader.put("long");
  const { index } = leader.state.applied;
  await until(() => away.replica.committedIndex >= index);
  network.cutOff.add(away.id);
  await Promise.all(Array.from({ length: 60 }, (_, i) => leader.put(`key-${i}`)));
  await until(() => leader.replica.status().firstIndex > 30);
  network.cutOff.delete(away.id);
  await until(() => away.replica.status().firstIndex > 30);
  await away.replica.stop();
  expect([away.installed, away.failures]).toEqual([0, []]);
  expect(away.keys).toEqual(["long"]);
  const restarted = network.restart(away.id);
  await until(() => restarted.keys.includes("key-59"));
  expect(restarted.installed).toBe(1);
});

test("a member that stood still hears who leads by now before it forwards a proposal", async () => {
  network = new Network();
  const members = await network.found(3);
  const leader = await network.leader();
  const [member, other] = members.filter((each) => each !== leader) as [TestMember, TestMember];
  await until(() => member.replica.leadership.hasLeader);
  const forwardedTo: bigint[] = [];
  network.send = (_from, messages) => {
    for (const { type, to } of messages) {
      if (type === MessageType.PROPOSAL) forwardedTo.push(to);
    }
  };
  const { term } = member.replica;
  void member.put("a").catch(() => undefined);
  network.clock.work(1000);
  // It stopped amid its reading: this is found by the next look at the sockets.
  setImmediate(() =>
    member.replica.step({
      ...BLANK_MESSAGE,
      type: MessageType.HEARTBEAT,
      to: member.id,
      from: other.id,
      term: term + 1,
    }),
  );
  await until(() => forwardedTo.length > 0);
  expect(forwardedTo).toEqual([other.id]);
});

test("a proposal that comes with the news of another leader goes on to that one", async () => {
  network = new Network();
  const members = await network.found(3);
  const leader = await network.leader();
  const [proposer, successor] = members.filter((each) => each !== leader) as [
    TestMember,
    TestMember,
  ];
  await until(() => proposer.replica.leadership.hasLeader);
  const forwarded: Message[] = [];
  network.send = (_from, messages) => {
    forwarded.push(...messages.filter(({ type }) => type === MessageType.PROPOSAL));
  };
  const { lastIndex, term } = leader.replica.status();
  const proposal = {
    ...BLANK_MESSAGE,
    type: MessageType.PROPOSAL,
    to: leader.id,
    from: proposer.id,
    entries: [{ type: EntryType.NORMAL, term: 0, index: 0, data: Buffer.alloc(0) }],
  };
  leader.replica.step(proposal);
  leader.replica.step({
    ...BLANK_MESSAGE,
    type: MessageType.HEARTBEAT,
    to: leader.id,
    from: successor.id,
    term: term + 1,
  });
  await until(() => forwarded.length > 0);
  expect(forwarded).toEqual([{ ...proposal, to: successor.id }]);
  expect(leader.replica.status().lastIndex).toBe(lastIndex);
});
