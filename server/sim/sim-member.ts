import { assert, must } from "../base/assert.ts";
import type { SeededRandom } from "../base/random.ts";
import { changeConfState } from "../raft/conf-change.ts";
import { type ConfState, type Entry, EntryType, type SnapshotMetadata } from "../raft/entry.ts";
import { checkDelta, type Summary } from "../raft/invariants.ts";
import { type Message, MessageType } from "../raft/message.ts";
import { Raft } from "../raft/raft.ts";
import type { Append, RaftConfig, RaftStart, ReadState, Ready } from "../raft/ready.ts";
import { SimDisk } from "./sim-disk.ts";
import { admitChange, decodeConfChange, type Operation, WriteMachine } from "./write-machine.ts";

/** What a member needs of the world. All calls happen within the member's own event. */
export interface World {
  /** `database` comes with a SNAPSHOT: the state that its metadata describes. */
  send(message: Message, database: WriteMachine | undefined): void;
  /** An append has begun; the world calls written() later, unless the member crashes before. */
  writing(member: SimMember, entries: readonly Entry[]): void;
  committed(member: SimMember, entry: Entry): void;
  applied(member: SimMember, entry: Entry, operation: Operation | undefined): void;
  read(member: SimMember, state: ReadState): void;
  /** A synced entry is overwritten. */
  overwritten(member: SimMember, entry: Entry): void;
}

/**
 * One process: raft, its disk, and a state machine in an engine that becomes durable later than the
 * log, as a member really has them. Undefined raft: the process is down.
 */
export class SimMember {
  readonly id: bigint;
  readonly disk: SimDisk;
  /** Counts lives: what was started in an earlier one means nothing any more. */
  epoch = 0;
  raft: Raft | undefined;
  machine = new WriteMachine();
  readonly #config: RaftConfig;
  readonly #world: World;
  #durable = new WriteMachine();
  #append: Append | undefined;
  /** Databases received and not installed, by the index they stand for. */
  readonly #arrived = new Map<number, WriteMachine>();
  #installing: WriteMachine | undefined;
  #summary: Summary | undefined;

  constructor(config: RaftConfig, world: World) {
    this.id = config.id;
    this.#config = config;
    this.#world = world;
    this.disk = new SimDisk((entry) => world.overwritten(this, entry));
  }

  /** As a new static cluster begins: every founder writes the same first entries, committed. */
  bootstrap(entries: readonly Entry[]): void {
    const hardState = { term: 1, vote: 0n, commit: entries.length };
    this.disk.write({ entries, hardState, messages: [], mustSync: true });
    this.disk.sync();
  }

  start(): void {
    assert(this.raft === undefined, "a process starts once");
    this.machine = this.#durable.copy();
    this.raft = new Raft(this.#config, this.#recover());
    this.#summary = this.raft.summary();
    this.pump();
  }

  /**
   * The engine may be ahead of the log, if a snapshot was installed and the crash came before the
   * log was told. Then whatever the log holds is older, or conflicts with it.
   */
  #recover(): RaftStart {
    const { disk } = this;
    const { applied, term, confState } = this.#durable;
    if (disk.term(applied) !== term && applied > disk.base.index) {
      disk.restart({ index: applied, term });
    }
    const snapshot: SnapshotMetadata = { ...disk.base, confState };
    const { hardState, entries } = disk;
    return { hardState, snapshot, entries, applied, confState };
  }

  crash(random: SeededRandom): void {
    const { disk } = this;
    const installing = this.#installing;
    const isInstalled = installing !== undefined && random.below(3) > 0;
    if (isInstalled) this.#durable = installing;
    disk.crash(random, isInstalled);
    this.raft = undefined;
    this.epoch++;
    this.#append = undefined;
    this.#arrived.clear();
    this.#installing = undefined;
  }

  /** Takes and carries out Readys until there is none. */
  pump(): void {
    const { raft } = this;
    while (raft !== undefined && raft === this.raft && raft.hasReady) {
      this.#carryOut(raft, raft.ready());
    }
    this.check();
  }

  #carryOut(raft: Raft, ready: Ready): void {
    for (const message of ready.messages) this.#send(message);
    if (ready.append !== undefined) this.#write(ready.append);
    for (const entry of ready.committed) this.#apply(raft, entry);
    for (const state of ready.readStates) this.#world.read(this, state);
  }

  #send(message: Message): void {
    const database = message.type === MessageType.SNAPSHOT ? this.machine.copy() : undefined;
    this.#world.send(message, database);
  }

  #write(append: Append): void {
    if (append.snapshot !== undefined) {
      const { index } = append.snapshot;
      this.#installing = must(this.#arrived.get(index), "a snapshot comes with its database");
      this.#arrived.clear();
    }
    this.#append = append;
    this.disk.write(append);
    this.#world.writing(this, append.entries);
  }

  /** The append in flight has reached the disk. */
  written(): void {
    const raft = must(this.raft, "a process that is down writes nothing");
    const append = must(this.#append, "an append was in flight");
    this.#append = undefined;
    if (append.mustSync) this.disk.sync();
    if (this.#installing !== undefined) {
      this.#durable = this.#installing;
      this.machine = this.#durable.copy();
      this.#installing = undefined;
    }
    for (const message of append.messages) this.#send(message);
    raft.appended();
  }

  #apply(raft: Raft, entry: Entry): void {
    this.#world.committed(this, entry);
    const operation = this.machine.apply(entry);
    if (entry.type === EntryType.CONF_CHANGE) {
      const change = admitChange(decodeConfChange(entry.data), this.machine.confState);
      this.machine.confState = changeConfState(this.machine.confState, change);
      raft.applyConfChange(change);
    }
    raft.applied(entry.index);
    this.#world.applied(this, entry, operation);
  }

  /** A SNAPSHOT's database has been received before the message is told to raft. */
  step(message: Message, database: WriteMachine | undefined): void {
    if (database !== undefined) this.#arrived.set(database.applied, database);
    this.raft?.step(message);
  }

  /** The engine catches up with the state machine; log and memory may forget what it holds. */
  flush(random: SeededRandom): void {
    const { raft, machine } = this;
    if (raft === undefined || this.#installing !== undefined) return;
    this.#durable = machine.copy();
    this.disk.release(random.below(machine.applied + 1));
    raft.compact(random.below(machine.applied + 1));
  }

  get confState(): ConfState {
    return this.raft?.confState ?? this.#durable.confState;
  }

  check(): void {
    if (this.raft === undefined) return;
    const summary = this.raft.summary();
    if (this.#summary !== undefined) checkDelta(this.#summary, summary);
    this.#summary = summary;
  }
}
