// Writes stay in memory until a commit, and a commit runs beside the caller:
//
//            get, scan
//               │  newest first
//     ┌─────────▼─────────┐
//     │ current layer     │ ◀── put, delete
//     ├───────────────────┤ commit() closes it and opens a new one
//     │ waiting layers    │     mostly none; commits in a row melt into one transaction
//     ├───────────────────┤
//     │ layer in flight   │ ──▶ one transaction of the store
//     ├───────────────────┤ durable: the layer goes, the store shows the same
//     │ store             │
//     └───────────────────┘
//
// Invariants:
// - A layer leaves only after the store shows all of it, in the same turn: no read sees a hole.
// - Layers reach the store whole and in order; a crash shows a prefix of the commits.
// - One operation of the store at a time. After its first failure nothing is promised any more, and
//   every call throws.

import { assert, must } from "../base/assert.ts";
import { SystemRandom } from "../base/random.ts";
import {
  ENGINE_KEY_BYTES_MAX,
  type Engine,
  EngineFailedError,
  type EngineSnapshot,
  type Row,
  type ScanRange,
} from "./engine.ts";
import { Layer, layeredScan } from "./layer.ts";
import { keyText } from "./sorted-table.ts";
import type { Content, Store } from "./store.ts";
import { TABLES, type Table } from "./tables.ts";

const WHOLE: ScanRange = {};
/** What a row in memory takes beside its key and value. */
const ROW_BYTES = 200;

/** One turn of the store; with a layer it is a commit, and may take more until it runs. */
interface Job {
  readonly layer: Layer | undefined;
  readonly run: () => Promise<void>;
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class WriteBehindEngine implements Engine {
  readonly #store: Store;
  /** Oldest first; the last one takes writes. */
  #layers: Layer[] = [new Layer()];
  readonly #jobs: Job[] = [];
  #running: Job | undefined;
  #isReplacing = false;
  /** While commits are held: what waits for the end of that, in order. */
  #held: (() => void)[] | undefined;
  #openSnapshots = 0;
  #failure: EngineFailedError | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  get pendingCount(): number {
    return this.#current.operations;
  }

  get pendingBytes(): number {
    return this.#current.bytes;
  }

  get uncommittedBytes(): number {
    let total = 0;
    for (const layer of this.#layers) total += layer.bytes + layer.operations * ROW_BYTES;
    return total;
  }

  get contentId(): bigint {
    return this.#store.contentId;
  }

  get(table: Table, key: Buffer): Buffer | undefined {
    this.#assertUsable();
    let text: string | undefined;
    for (let at = this.#layers.length - 1; at >= 0; at--) {
      const rows = (this.#layers[at] as Layer).tables[table];
      if (rows.size === 0) continue;
      text ??= keyText(key);
      const value = rows.get(text);
      if (value !== undefined) return value ?? undefined;
    }
    if (key.length === 0 || key.length > ENGINE_KEY_BYTES_MAX) return undefined;
    return this.#store.get(table, key);
  }

  scan(table: Table, range: ScanRange = WHOLE): Iterable<Row> {
    this.#assertUsable();
    const layers = this.#layers.filter((layer) => layer.tables[table].size > 0);
    const below = this.#store.scan(table, range);
    return layers.length === 0 ? below : layeredScan(layers, table, range, below);
  }

  *scanKeys(table: Table, range: ScanRange = WHOLE): Generator<Buffer> {
    this.#assertUsable();
    const isPending = this.#layers.some((layer) => layer.tables[table].size > 0);
    if (!isPending) yield* this.#store.scanKeys(table, range);
    else for (const [key] of this.scan(table, range)) yield key;
  }

  put(table: Table, key: Buffer, value: Buffer): void {
    this.#set(table, key, value);
  }

  delete(table: Table, key: Buffer): void {
    this.#set(table, key, null);
  }

  hold(): void {
    assert(this.#held === undefined, "one change at a time takes several turns");
    this.#held = [];
  }

  release(): void {
    const waiting = must(this.#held, "what is released was held");
    this.#held = undefined;
    for (const run of waiting) run();
  }

  commit(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#held !== undefined) return this.#afterHold(() => this.commit());
    if (this.#current.operations === 0) {
      return this.#jobs.findLast((job) => job.layer !== undefined)?.done ?? Promise.resolve();
    }
    const layer = this.#current;
    const last = this.#jobs[this.#jobs.length - 1];
    if (last?.layer !== undefined && last !== this.#running) {
      last.layer.absorb(layer);
      this.#layers[this.#layers.length - 1] = new Layer();
      return last.done;
    }
    this.#layers.push(new Layer());
    return this.#enqueue(() => this.#writeOldest(layer), layer);
  }

  async snapshot(): Promise<EngineSnapshot> {
    this.#assertUsable();
    if (this.#held !== undefined) return this.#afterHold(() => this.snapshot());
    let picture: EngineSnapshot | undefined;
    const takePicture = async () => {
      picture = this.#open(this.#store.picture());
    };
    await Promise.all([this.commit(), this.#enqueue(takePicture)]);
    return must(picture, "the job that has ended took the picture");
  }

  get openSnapshots(): number {
    return this.#openSnapshots;
  }

  size(): { readonly totalBytes: number; readonly inUseBytes: number } {
    this.#assertUsable();
    return this.#store.size();
  }

  async defragment(): Promise<void> {
    this.#assertUsable();
    await this.#enqueue(async () => {
      const picture = this.#store.picture();
      try {
        await this.#store.rewrite(contentOf(picture), this.contentId);
      } finally {
        picture.close();
      }
    });
  }

  async replace(content: Content): Promise<void> {
    this.#assertUsable();
    assert(!this.#isReplacing, "one replacement at a time");
    this.#isReplacing = true;
    try {
      // Pending writes go down first: should the content fail, the caller is where it was.
      const contentId = new SystemRandom().uint64();
      const rewrite = () => this.#store.rewrite(content, contentId);
      await Promise.all([this.commit(), this.#enqueue(rewrite)]);
    } finally {
      this.#isReplacing = false;
    }
  }

  async close(): Promise<void> {
    try {
      if (this.#failure === undefined) await this.commit();
      await this.#jobs[this.#jobs.length - 1]?.done;
    } finally {
      this.#failure ??= new EngineFailedError("the engine is closed");
      await this.#store.close();
    }
  }

  get #current(): Layer {
    return this.#layers[this.#layers.length - 1] as Layer;
  }

  #open(picture: EngineSnapshot): EngineSnapshot {
    let isOpen = true;
    this.#openSnapshots++;
    return {
      get: (table, key) => picture.get(table, key),
      scan: (table, range) => picture.scan(table, range),
      close: () => {
        if (isOpen) this.#openSnapshots--;
        isOpen = false;
        picture.close();
      },
    };
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #set(table: Table, key: Buffer, value: Buffer | null): void {
    this.#assertUsable();
    assert(key.length > 0, "keys have at least one byte");
    assert(key.length <= ENGINE_KEY_BYTES_MAX, `a key of ${key.length} bytes is too long`);
    assert(!this.#isReplacing, "nothing is written while the content is replaced");
    this.#current.set(table, key, value);
  }

  #afterHold<T>(run: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#held?.push(() => void run().then(resolve, reject));
    });
  }

  #enqueue(run: () => Promise<void>, layer?: Layer): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#jobs.push({ layer, run, done: promise, resolve, reject });
    if (this.#running === undefined) void this.#drain();
    return promise;
  }

  /** Runs the jobs one after the other. A job's error goes to whoever waits for it. */
  async #drain(): Promise<void> {
    for (let job = this.#jobs[0]; job !== undefined; job = this.#jobs[0]) {
      this.#running = job;
      try {
        await job.run();
        this.#jobs.shift();
        job.resolve();
      } catch (error) {
        this.#jobs.shift();
        if (job.layer === undefined && !(error instanceof EngineFailedError)) job.reject(error);
        else this.#fail(job, error);
      }
    }
    this.#running = undefined;
  }

  #fail(job: Job, cause: unknown): void {
    const detail = cause instanceof Error ? cause.message : String(cause);
    const failure = new EngineFailedError(`the engine lost its disk: ${detail}`, { cause });
    this.#failure = failure;
    for (const lost of [job, ...this.#jobs.splice(0)]) lost.reject(failure);
  }

  async #writeOldest(layer: Layer): Promise<void> {
    await this.#store.write(layer);
    assert(this.#layers[0] === layer, "layers reach the store in order");
    this.#layers.shift();
  }
}

/** Closes the picture at its end: a file that nobody reads can go as soon as it is replaced. */
async function* contentOf(picture: EngineSnapshot): Content {
  for (const table of TABLES) {
    for (const [key, value] of picture.scan(table)) yield [table, key, value] as const;
  }
  picture.close();
}
