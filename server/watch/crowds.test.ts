import { expect, test } from "vitest";
import { SeededRandom } from "../base/random.ts";
import { fixture, watch } from "./hub-fixture.suite.ts";
import type { WatchEvent } from "./watch-event.ts";
import type { WatchSink, WatchStream } from "./watch-stream.ts";
import type { Watcher } from "./watcher.ts";

/** What may be handed out in one turn: by a revision, and by a slice of catching up. */
const TOLD_PER_TURN = 14_000;

interface Follower {
  readonly keys: string;
  /** The first revision that it has a right to. */
  readonly from: number;
  /** Revisions that it was told of; a number for each event. */
  readonly seen: number[];
}

/** Checks that what it is told is complete when it is said to be, and that nothing comes too late. */
class CrowdSink implements WatchSink {
  readonly followers = new Map<bigint, Follower>();
  readonly #world: World;
  hasRoom = true;
  /** Its client has once not read in time. */
  wasFull = false;
  isOver = false;

  constructor(world: World) {
    this.#world = world;
  }

  events(watcher: Watcher, revision: number, events: readonly WatchEvent[]): void {
    const { seen, from } = this.#follower(watcher);
    const [first, last] = [events[0]?.main ?? 0, events.at(-1)?.main ?? 0];
    const isInOrder = first >= from && first > (seen.at(-1) ?? 0) && last <= revision;
    if (!isInOrder || !this.hasRoom)
      throw new Error(`${watcher.id} was told of ${first} to ${last}`);
    for (const { main } of events) seen.push(main);
    this.#world.told++;
  }

  canceled(watcher: Watcher): void {
    this.#follower(watcher);
    this.followers.delete(watcher.id);
  }

  compacted(watcher: Watcher): void {
    this.#follower(watcher);
    if (!this.wasFull) throw new Error(`${watcher.id} was to be told what is compacted`);
    this.followers.delete(watcher.id);
  }

  failed(error: unknown): void {
    throw error;
  }

  progress(watcher: Watcher | undefined, revision: number): void {
    expect(this.isOver).toBe(false);
    this.#world.progress++;
    const told = watcher === undefined ? this.followers.values() : [this.#follower(watcher)];
    this.#world.expectTold(told, revision);
  }

  #follower(watcher: Watcher): Follower {
    const follower = this.followers.get(watcher.id);
    if (this.isOver || follower === undefined) throw new Error(`${watcher.id} is not open`);
    return follower;
  }
}

class World {
  readonly #parts = fixture();
  readonly #random: SeededRandom;
  /** Revisions of each key; a number for each change. */
  readonly #changes = new Map<string, number[]>();
  readonly #clients: { readonly sink: CrowdSink; readonly stream: WatchStream }[] = [];
  #compacted = 1;
  told = 0;
  progress = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** @returns how often somebody was late, and how often progress was told while somebody was */
  run(steps: number): { late: number; progress: number } {
    const result = { late: 0, progress: 0 };
    for (let i = 0; i < 4; i++) this.#open();
    for (let i = 0; i < steps; i++) {
      const before = this.progress;
      this.#step();
      for (let turns = this.#random.below(3); turns > 0; turns--) this.#turn();
      if (this.#hub.toldRevision === this.#hub.revision) continue;
      result.late++;
      result.progress += this.progress - before;
    }
    this.#settle();
    return result;
  }

  /** Just what happened up to a revision. */
  expectTold(followers: Iterable<Follower>, revision: number): void {
    const expected = new Map<string, string>();
    for (const { keys, from, seen } of followers) {
      const asked = `${keys} from ${from}`;
      const mains = expected.get(asked) ?? this.#mains(keys, from, revision);
      expected.set(asked, mains);
      if (seen.join() !== mains) expect({ asked, mains: seen.join() }).toEqual({ asked, mains });
    }
  }

  #mains(keys: string, from: number, to: number): string {
    const mains = keys.split("").flatMap((key) => {
      return (this.#changes.get(key) ?? []).filter((main) => main >= from && main <= to);
    });
    return mains.sort((a, b) => a - b).join();
  }

  get #hub() {
    return this.#parts.hub;
  }

  #turn(): void {
    const before = this.told;
    this.#parts.clock.turn();
    expect(this.told - before).toBeLessThan(TOLD_PER_TURN);
  }

  #settle(): void {
    for (const { sink, stream } of this.#clients) {
      sink.hasRoom = true;
      stream.requestProgress();
      stream.resume();
    }
    this.#parts.clock.settle();
    expect(this.#parts.compactOn()).toBe(true);
    const counts = this.#clients.map(({ sink }) => sink.followers.size);
    const total = counts.reduce((sum, count) => sum + count, 0);
    expect([this.#hub.watcherCount, this.#hub.slowWatcherCount]).toEqual([total, 0]);
    for (const { sink, stream } of this.#clients) {
      stream.notifyProgress();
      this.expectTold(sink.followers.values(), this.#hub.revision);
    }
  }

  #step(): void {
    const random = this.#random;
    const at = random.below(this.#clients.length);
    const client = this.#clients[at];
    if (client === undefined) return this.#open();
    switch (random.below(13)) {
      case 0:
        this.#cancelSome(client.stream, client.sink);
        break;
      case 1:
        client.sink.isOver = true;
        client.stream.close();
        expect([client.stream.watcherCount, client.stream.cancel(0n)]).toEqual([0, false]);
        this.#clients.splice(at, 1);
        break;
      case 2:
        if (this.#clients.length < 6) this.#open();
        break;
      case 3:
        client.sink.hasRoom = !client.sink.hasRoom;
        client.sink.wasFull = true;
        if (client.sink.hasRoom) client.stream.resume();
        break;
      case 4:
      case 5:
        client.stream.requestProgress();
        break;
      case 6:
        client.stream.notifyProgress();
        break;
      case 7:
        this.#compact();
        break;
      default:
        this.#write();
    }
  }

  #compact(): void {
    const { revision } = this.#hub;
    if (revision <= this.#compacted) return;
    this.#compacted = revision;
    this.#parts.compact(revision);
  }

  /** A stream of two crowds: what each of them watches is up to chance. */
  #open(): void {
    const sink = new CrowdSink(this);
    const stream = this.#hub.openStream(sink);
    this.#clients.push({ sink, stream });
    for (let i = 0; i < 2; i++) {
      const [keys, key, end] = this.#pick([
        ["a", "a", ""],
        ["a", "a", ""],
        ["b", "b", ""],
        ["c", "c", ""],
        ["ab", "a", "c"],
        ["abc", "a", "\0"],
      ] as const);
      const ahead = this.#random.below(4) === 0 ? this.#hub.revision + 3 : 0;
      // Each range of its own, but of the same keys.
      const isSpread = end === "c" && this.#random.below(2) === 0;
      const count = this.#pick([10, 3000, 7000]);
      for (let n = 0; n < count; n++) {
        const rangeEnd = Buffer.from(isSpread ? `b${n}` : end);
        const made = stream.create({
          ...watch(key),
          rangeEnd,
          startRevision: ahead,
          wantsProgress: n < 3,
        });
        if ("refusal" in made) throw new Error(made.refusal);
        const from = ahead === 0 ? this.#hub.revision + 1 : ahead;
        sink.followers.set(made.id, { keys, from, seen: [] });
      }
    }
  }

  #cancelSome(stream: WatchStream, sink: CrowdSink): void {
    const share = this.#pick([2, 10, 1000]);
    for (const id of sink.followers.keys()) {
      if (this.#random.below(share) > 0) continue;
      if (!stream.cancel(id)) throw new Error(`${id} was not there`);
    }
  }

  #write(): void {
    const keys = this.#pick(["a", "a", "b", "c", "abc"]);
    const before = this.told;
    const revision = this.#hub.revision + 1;
    for (const key of keys) {
      const revisions = this.#changes.get(key) ?? [];
      this.#changes.set(key, revisions);
      revisions.push(revision);
    }
    this.#parts.write((txn) => {
      for (const key of keys) txn.put(Buffer.from(key), Buffer.alloc(0), 0n);
    });
    expect(this.told - before).toBeLessThan(TOLD_PER_TURN);
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#random.below(choices.length)] as T;
  }
}

test("crowds of watchers are told of everything once, in order, and of progress in time", () => {
  const sums = { late: 0, progress: 0 };
  for (let seed = 1; seed <= 5; seed++) {
    const { late, progress } = new World(seed).run(60);
    sums.late += late;
    sums.progress += progress;
  }
  expect(sums.late).toBeGreaterThan(10);
  expect(sums.progress).toBeGreaterThan(0);
});
