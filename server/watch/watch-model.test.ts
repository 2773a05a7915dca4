import { expect, test } from "vitest";
import { must } from "../base/assert.ts";
import { SeededRandom } from "../base/random.ts";
import { finish, type Steps } from "../base/steps.ts";
import { MvccStore } from "../mvcc/store.ts";
import { StoreModel } from "../mvcc/store-model.suite.ts";
import type { Event } from "../proto/gen/kv.ts";
import { WatchResponse } from "../proto/gen/rpc.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { WatchHub } from "./hub.ts";
import type { TurnLimits } from "./long-revision.ts";
import { ManualClock } from "./manual-clock.suite.ts";
import type { PackedEvents } from "./packed-events.ts";
import type { WatchEvent } from "./watch-event.ts";
import type { BulkSink, CreateWatch, WatchSink, WatchStream } from "./watch-stream.ts";
import type { Watcher } from "./watcher.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");

/** One event fits. */
const PART_BYTES = 25;

/** What one watcher must be told, and what it was told. */
interface Follower {
  readonly request: CreateWatch;
  /** The first revision it has a right to. */
  readonly from: number;
  readonly seen: string[];
  lastRevision: number;
  end: "open" | "canceled" | "compacted";
}

/** A client that stops reading now and then, and checks what cannot be checked afterwards. */
class Client implements WatchSink, BulkSink {
  readonly bulk: BulkSink | undefined;
  readonly followers = new Map<bigint, Follower>();
  readonly #world: World;
  hasRoom = true;
  #room = Number.POSITIVE_INFINITY;
  /** Was told a part of a revision. */
  #partial: Watcher | undefined;

  constructor(world: World, takesBulk: boolean) {
    this.#world = world;
    if (takesBulk) this.bulk = this;
  }

  /** Takes so many more responses, then none. */
  limit(responses: number): void {
    this.#room = responses;
    this.hasRoom = responses > 0;
  }

  events(watcher: Watcher, revision: number, events: readonly WatchEvent[]): void {
    expect(events.length).toBeGreaterThan(0);
    const encoded = events.map((event) => event.encoded(watcher.wantsPrevious));
    const follower = this.#open(watcher);
    const before = follower.lastRevision;
    this.#take(watcher, follower, revision, Buffer.concat(encoded));
    expect(events[0]?.main).toBeGreaterThan(before);
    expect(this.#partial).toBe(undefined);
  }

  packed(watcher: Watcher, revision: number, events: PackedEvents, isPart: boolean): void {
    const encoded = Buffer.concat(events.pieces());
    const follower = this.#open(watcher);
    const isNext = revision > follower.lastRevision;
    const isRest = this.#partial === watcher && revision === follower.lastRevision;
    expect(this.#partial === undefined ? isNext : isRest).toBe(true);
    this.#take(watcher, follower, revision, encoded);
    expect(follower.lastRevision).toBe(revision);
    this.#partial = isPart ? watcher : undefined;
    if (isPart) this.#world.partCount++;
  }

  eventBytesMax(watcher: Watcher): number {
    return watcher.takesFragments ? PART_BYTES : Number.POSITIVE_INFINITY;
  }

  #take(watcher: Watcher, follower: Follower, revision: number, encoded: Buffer): void {
    expect(this.#world.isReadable).toBe(true);
    // What is read over many turns is told even if the room is gone at their end.
    if (!this.#world.hasLongRevisions) expect(this.hasRoom).toBe(true);
    if (--this.#room === 0) this.hasRoom = false;
    for (const event of WatchResponse.decode(encoded).events) {
      const main = event.kv?.modRevision ?? 0;
      expect(main).toBeGreaterThanOrEqual(Math.max(follower.from, follower.lastRevision));
      expect(revision).toBeGreaterThanOrEqual(main);
      follower.lastRevision = main;
      follower.seen.push(this.#text(event, watcher.wantsPrevious));
    }
  }

  canceled(watcher: Watcher): void {
    this.#open(watcher).end = "canceled";
    if (this.#partial === watcher) this.#partial = undefined;
  }

  compacted(watcher: Watcher, compactRevision: number): void {
    const follower = this.#open(watcher);
    expect(compactRevision).toBe(this.#world.store.compactRevision);
    follower.end = "compacted";
    if (this.#partial === watcher) this.#partial = undefined;
  }

  failed(error: unknown): void {
    throw error;
  }

  progress(watcher: Watcher | undefined, revision: number): void {
    expect(this.#partial).toBe(undefined);
    const told = watcher === undefined ? this.followers.values() : [this.#open(watcher)];
    for (const follower of told) {
      if (follower.end === "open") this.#world.expectComplete(follower, revision);
    }
  }

  #open(watcher: Watcher): Follower {
    const follower = this.followers.get(watcher.id);
    if (follower?.end !== "open") throw new Error(`watcher ${watcher.id} is not open`);
    return follower;
  }

  #text(decoded: Event, wantsPrevious: boolean): string {
    const key = decoded.kv?.key.toString("latin1") ?? "";
    const main = decoded.kv?.modRevision ?? 0;
    const before = this.#world.model.at(key, main - 1)?.value;
    const previous = decoded.prevKv?.value.toString("latin1");
    if (wantsPrevious && before !== undefined && previous === undefined) {
      expect(main - 1).toBeLessThan(this.#world.store.compactRevision);
    } else {
      expect(previous).toBe(wantsPrevious ? before : undefined);
    }
    return `${main} ${key} ${decoded.type === 1 ? "†" : decoded.kv?.value.toString("latin1")}`;
  }
}

class World {
  readonly model = new StoreModel();
  readonly #engine = new MemoryEngine();
  readonly #clock = new ManualClock();
  readonly #random: SeededRandom;
  readonly #clients: { readonly sink: Client; readonly stream: WatchStream }[] = [];
  store = MvccStore.open(this.#engine);
  readonly #hub: WatchHub;
  #compactedEnds = 0;
  /** Not while the store's content is being replaced. */
  isReadable = true;

  partCount = 0;
  readonly hasLongRevisions: boolean;

  /** @param limits of a turn of reading the past */
  constructor(seed: number, limits?: TurnLimits) {
    this.#random = new SeededRandom(seed);
    this.hasLongRevisions = limits !== undefined;
    this.#hub = new WatchHub(this.store, this.#clock, new SeededRandom(1), limits);
    for (let i = 0; i < 3; i++) {
      const sink = new Client(this, i > 0);
      this.#clients.push({ sink, stream: this.#hub.openStream(sink) });
    }
  }

  /** @returns how many watches ended by compaction */
  run(steps: number): number {
    for (let i = 0; i < steps; i++) this.#step();
    for (const { sink, stream } of this.#clients) {
      sink.limit(Number.POSITIVE_INFINITY);
      stream.resume();
    }
    this.#clock.settle();
    for (const { sink } of this.#clients) {
      for (const follower of sink.followers.values()) this.#judge(follower);
    }
    expect(this.#hub.slowWatcherCount).toBe(0);
    return this.#compactedEnds;
  }

  expectComplete(follower: Follower, revision: number): void {
    expect(follower.seen).toEqual(this.#expected(follower, revision));
  }

  #step(): void {
    const random = this.#random;
    switch (random.below(12)) {
      case 0:
        this.#compact();
        break;
      case 1:
        if (random.below(4) === 0) this.#restore();
        break;
      case 2:
      case 3:
      case 4:
        for (const _pause of this.#writing(true)) this.#callSomething();
        break;
      default:
        this.#callSomething();
    }
    if (random.below(3) > 0) this.#clock.turn();
  }

  /** What a client may do at any time, be it between the slices of one revision. */
  #callSomething(): void {
    const random = this.#random;
    const client = must(this.#clients[random.below(this.#clients.length)], "there are three");
    switch (random.below(7)) {
      case 0:
      case 1:
        this.#create(client.stream, client.sink);
        break;
      case 2:
        client.sink.limit(random.below(3));
        break;
      case 3:
        client.sink.limit(1 + random.below(20));
        client.stream.resume();
        break;
      case 4:
        this.#cancel(client.stream, client.sink);
        break;
      case 5:
        client.stream.requestProgress();
        client.stream.notifyProgress();
        break;
      default:
        this.#clock.turn();
    }
  }

  *#writing(isPublished: boolean): Steps<void> {
    const random = this.#random;
    const txn = this.store.begin();
    const names = new Set(Array.from({ length: 1 + random.below(5) }, () => this.#key()));
    for (const name of names) {
      if (random.below(4) === 0) {
        txn.deleteRange(bytes(name), Buffer.alloc(0));
        this.model.deleteRange(name, "");
      } else {
        const value = `${random.below(1000)}`;
        txn.put(bytes(name), bytes(value), 0n);
        this.model.put(name, value, 0n);
      }
    }
    this.model.end();
    const { revision, changes } = txn.end();
    if (changes.length === 0 || !isPublished) return;
    const telling = this.#hub.publish(revision, changes);
    if (telling !== undefined) yield* telling;
  }

  #compact(): void {
    const revision = this.model.revision - this.#random.below(12);
    if (revision <= this.store.compactRevision) return;
    this.store.compact(revision);
    while (this.#random.below(4) > 0 && this.store.compactStep());
  }

  /** Other members went on; this one gets their state whole. */
  #restore(): void {
    this.#hub.pause();
    this.isReadable = false;
    for (let i = this.#random.below(5); i > 0; i--) finish(this.#writing(false));
    if (this.#random.below(2) === 0) this.#compact();
    this.#clock.turn();
    this.store = MvccStore.open(this.#engine);
    this.isReadable = true;
    this.#hub.restore(this.store);
  }

  #create(stream: WatchStream, sink: Client): void {
    const random = this.#random;
    const starts = [0, 0, 1, this.model.revision - random.below(10), this.model.revision + 3];
    const startRevision = Math.max(0, starts[random.below(starts.length)] ?? 0);
    const ends = ["", "", "\0", "b", "z"];
    const request: CreateWatch = {
      key: bytes(this.#key()),
      rangeEnd: bytes(ends[random.below(ends.length)] ?? ""),
      startRevision,
      id: 0n,
      wantsPrevious: random.below(2) === 0,
      wantsProgress: random.below(2) === 0,
      wantsPuts: random.below(6) > 0,
      wantsDeletes: random.below(6) > 0,
      takesFragments: random.below(2) === 0,
    };
    const from = startRevision === 0 ? this.#hub.revision + 1 : startRevision;
    const made = stream.create(request);
    if (!("id" in made)) return;
    sink.followers.set(made.id, { request, from, seen: [], lastRevision: 0, end: "open" });
  }

  #cancel(stream: WatchStream, sink: Client): void {
    const ids = [...sink.followers.keys()];
    const id = ids[this.#random.below(ids.length)];
    if (id === undefined) return;
    const isOpen = sink.followers.get(id)?.end === "open";
    expect(stream.cancel(id)).toBe(isOpen);
  }

  #judge(follower: Follower): void {
    const whole = this.#expected(follower, this.model.revision);
    if (follower.end === "open") expect(follower.seen).toEqual(whole);
    else expect(follower.seen).toEqual(whole.slice(0, follower.seen.length));
    if (follower.end !== "compacted") return;
    this.#compactedEnds++;
    // The next that it wanted, or the one it stood at, is gone.
    expect(follower.from).toBeLessThan(this.store.compactRevision);
  }

  #expected({ request, from }: Follower, to: number): string[] {
    const { key, rangeEnd, wantsPuts, wantsDeletes } = request;
    const [start, end] = [key.toString("latin1"), rangeEnd.toString("latin1")];
    const all = [...this.model.keys].flatMap(([name, versions]) => {
      const isWatched = end === "" ? name === start : name >= start && (end === "\0" || name < end);
      return isWatched ? versions.map((version) => ({ name, ...version })) : [];
    });
    return all
      .filter(({ main, value }) => {
        return main >= from && main <= to && (value === undefined ? wantsDeletes : wantsPuts);
      })
      .sort((a, b) => a.main - b.main || a.sub - b.sub)
      .map(({ main, name, value }) => `${main} ${name} ${value ?? "†"}`);
  }

  #key(): string {
    return "abcd"[this.#random.below(4)] ?? "a";
  }
}

test("every watcher is told exactly what happened, or that what it missed is compacted", () => {
  let compactedEnds = 0;
  let partCount = 0;
  for (let seed = 1; seed <= 120; seed++) {
    const limits = seed % 4 === 0 ? undefined : { changes: 1 + (seed % 2), bytes: 1024 };
    const world = new World(seed, limits);
    compactedEnds += world.run(120);
    partCount += world.partCount;
  }
  expect(compactedEnds).toBeGreaterThan(50);
  expect(partCount).toBeGreaterThan(50);
});
