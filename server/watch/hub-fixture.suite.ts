import { SeededRandom } from "../base/random.ts";
import { finish, type Steps } from "../base/steps.ts";
import { MvccStore } from "../mvcc/store.ts";
import type { WriteTxn } from "../mvcc/write-txn.ts";
import { WatchResponse } from "../proto/gen/rpc.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { WatchHub } from "./hub.ts";
import type { TurnLimits } from "./long-revision.ts";
import { ManualClock } from "./manual-clock.suite.ts";
import type { WatchEvent } from "./watch-event.ts";
import type { BulkSink, CreateWatch, WatchSink } from "./watch-stream.ts";
import type { Watcher } from "./watcher.ts";

export class NotedSink implements WatchSink {
  hasRoom = true;
  /** Thrown instead of taking events. */
  failure: Error | undefined;
  readonly log: string[] = [];
  /** Takes so much at once. */
  isFullAfterPart = false;
  readonly bulk: BulkSink | undefined;

  constructor(bulkBytesMax?: number) {
    if (bulkBytesMax === undefined) return;
    this.bulk = {
      eventBytesMax: () => bulkBytesMax,
      packed: (watcher, revision, events, isPart) => {
        if (this.failure !== undefined) throw this.failure;
        if (isPart && this.isFullAfterPart) this.hasRoom = false;
        const bytes = Buffer.concat(events.pieces());
        this.log.push(`${watcher.id}@${revision}: ${text(bytes)}${isPart ? " …" : ""}`);
      },
    };
  }

  events(watcher: Watcher, revision: number, events: readonly WatchEvent[]): void {
    if (this.failure !== undefined) throw this.failure;
    const texts = events.map((event) => text(event.encoded(watcher.wantsPrevious)));
    this.log.push(`${watcher.id}@${revision}: ${texts.join(" ")}`);
  }

  canceled(watcher: Watcher): void {
    this.log.push(`${watcher.id} canceled`);
  }

  compacted(watcher: Watcher, compactRevision: number): void {
    this.log.push(`${watcher.id} compacted ${compactRevision}`);
  }

  failed(error: unknown): void {
    this.log.push(`failed: ${String(error)}`);
  }

  progress(watcher: Watcher | undefined, revision: number): void {
    this.log.push(`${watcher?.id ?? "all"} progress ${revision}`);
  }

  take(): string[] {
    return this.log.splice(0);
  }
}

function text(field: Buffer): string {
  return WatchResponse.decode(field)
    .events.map(({ type, kv, prevKv }) => {
      const previous = prevKv === undefined ? "" : `<${prevKv.value.toString()}`;
      const value = type === 1 ? "†" : `=${kv?.value.toString()}`;
      return `${kv?.key.toString()}${value}#${kv?.modRevision}${previous}`;
    })
    .join(" ");
}

export function fixture(limits?: TurnLimits) {
  const engine = new MemoryEngine();
  const clock = new ManualClock();
  let store = MvccStore.open(engine);
  const hub = new WatchHub(store, clock, new SeededRandom(1), limits);
  function* writing(change: (txn: WriteTxn) => void, isPublished = true): Steps<number> {
    const txn = store.begin();
    change(txn);
    const { revision, changes } = txn.end();
    const telling = changes.length > 0 && isPublished ? hub.publish(revision, changes) : undefined;
    if (telling !== undefined) yield* telling;
    return revision;
  }
  const write = (...given: Parameters<typeof writing>): number => finish(writing(...given));
  return {
    clock,
    hub,
    writing,
    write,
    put: (key: string, value: string) =>
      write((txn) => txn.put(Buffer.from(key), Buffer.from(value), 0n)),
    delete: (key: string, rangeEnd = "") =>
      write((txn) => txn.deleteRange(Buffer.from(key), Buffer.from(rangeEnd))),
    compact: (revision: number) => {
      store.compact(revision);
      while (store.compactStep());
    },
    /** Whether it has come to its end. */
    compactOn: (): boolean => {
      while (store.compactStep());
      return !store.isCompacting;
    },
    restore: () => {
      store = MvccStore.open(engine);
      hub.restore(store);
    },
    open: (bulkBytesMax?: number) => {
      const sink = new NotedSink(bulkBytesMax);
      return { sink, stream: hub.openStream(sink) };
    },
  };
}

export function watch(
  key: string,
  options: Partial<CreateWatch> & { end?: string } = {},
): CreateWatch {
  return {
    key: Buffer.from(key),
    rangeEnd: Buffer.from(options.end ?? ""),
    startRevision: 0,
    id: 0n,
    wantsPrevious: false,
    wantsProgress: false,
    wantsPuts: true,
    wantsDeletes: true,
    takesFragments: false,
    ...options,
  };
}
