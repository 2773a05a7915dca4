// The engine's folder. One file holds the state; rewriting it makes the next generation beside it,
// and the rename is the moment it counts:
//
//     v1-00000007.lmdb          the state
//     v1-00000008.partial       a rewrite under way; left by a crash it is deleted
//
// The highest generation is the state. A lower one beside it is left over from a crash behind the
// rename. Readers of an old generation keep its file open until they close.

import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { EngineFailedError, type EngineSnapshot, type Row, type ScanRange } from "./engine.ts";
import { Layer } from "./layer.ts";
import { LmdbEnvironment, lockPath } from "./lmdb-environment.ts";
import type { Content, Store } from "./store.ts";
import { syncDirectory } from "./synced-directory.ts";
import type { Table } from "./tables.ts";
import { WriteBehindEngine } from "./write-behind-engine.ts";

/** A rewrite commits when it holds this much, so that memory and one slice of work stay small. */
const REWRITE_ROWS = 2_000;
const REWRITE_BYTES = 4 * 1024 * 1024;

const GENERATION_FILE = /^v1-(\d{8})\.lmdb$/;
const OWN_FILE = /^v\d+-\d{8}\.(lmdb|partial)(-lock)?$/;

export interface LmdbEngineOptions {
  /** Told how long each commit took, in milliseconds. */
  readonly onCommit?: (durationMs: number) => void;
  /** Needed for `onCommit` only. */
  readonly clock?: Clock;
}

/** The state in a folder of its own, in LMDB. */
export class LmdbEngine extends WriteBehindEngine {
  /** Creates the folder (mode 0700) and an empty state when there is none. */
  static async open(directory: string, options: LmdbEngineOptions = {}): Promise<LmdbEngine> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const generations = generationsIn(directory);
    const generation = generations.at(-1) ?? 1;
    removeLeftovers(directory, generation);
    const store = new LmdbStore(directory, generation, options);
    await syncDirectory(directory);
    return new LmdbEngine(store);
  }

  /** Whether `directory` holds a state already. */
  static exists(directory: string): boolean {
    return existsSync(directory) && generationsIn(directory).length > 0;
  }
}

class LmdbStore implements Store {
  readonly #directory: string;
  readonly #options: LmdbEngineOptions;
  #generation: number;
  #environment: LmdbEnvironment;

  constructor(directory: string, generation: number, options: LmdbEngineOptions) {
    this.#directory = directory;
    this.#options = options;
    this.#generation = generation;
    this.#environment = new LmdbEnvironment(this.#path(generation, "lmdb"));
  }

  get contentId(): bigint {
    return this.#environment.contentId;
  }

  get(table: Table, key: Buffer): Buffer | undefined {
    return this.#environment.get(table, key);
  }

  scan(table: Table, range: ScanRange): Iterable<Row> {
    return this.#environment.scan(table, range);
  }

  scanKeys(table: Table, range: ScanRange): Iterable<Buffer> {
    return this.#environment.scanKeys(table, range);
  }

  async write(layer: Layer): Promise<void> {
    const { clock, onCommit } = this.#options;
    const started = clock?.monotonic() ?? 0;
    await this.#environment.write(layer);
    if (clock !== undefined) onCommit?.(clock.monotonic() - started);
  }

  picture(): EngineSnapshot {
    return new LmdbPicture(this.#environment);
  }

  size(): { readonly totalBytes: number; readonly inUseBytes: number } {
    return this.#environment.size();
  }

  async rewrite(content: Content, contentId: bigint): Promise<void> {
    const next = this.#generation + 1;
    const partial = this.#path(next, "partial");
    removeLeftovers(this.#directory, this.#generation);
    try {
      await this.#build(partial, content, contentId);
    } catch (error) {
      removeLeftovers(this.#directory, this.#generation);
      throw error;
    }
    try {
      await rename(partial, this.#path(next, "lmdb"));
      await rm(lockPath(partial), { force: true });
      await syncDirectory(this.#directory);
      await this.#swap(next);
    } catch (cause) {
      // It is unknown which generation the next start would find: writing to either is wrong.
      throw new EngineFailedError("the rewritten state could not take its place", { cause });
    }
  }

  close(): Promise<void> {
    return this.#environment.release();
  }

  async #build(path: string, content: Content, contentId: bigint): Promise<void> {
    const environment = new LmdbEnvironment(path, contentId);
    try {
      let layer = new Layer();
      for await (const [table, key, value] of content) {
        layer.set(table, key, value);
        if (layer.operations < REWRITE_ROWS && layer.bytes < REWRITE_BYTES) continue;
        await environment.write(layer);
        layer = new Layer();
      }
      await environment.write(layer);
    } finally {
      await environment.release();
    }
  }

  /** The old file goes when its last reader has closed, which may be later. */
  async #swap(generation: number): Promise<void> {
    const old = this.#environment;
    const directory = this.#directory;
    this.#environment = new LmdbEnvironment(this.#path(generation, "lmdb"));
    this.#generation = generation;
    await old.release(async () => {
      await rm(old.path, { force: true });
      await rm(lockPath(old.path), { force: true });
      await syncDirectory(directory);
    });
  }

  #path(generation: number, extension: "lmdb" | "partial"): string {
    return join(this.#directory, `v1-${String(generation).padStart(8, "0")}.${extension}`);
  }
}

class LmdbPicture implements EngineSnapshot {
  readonly #environment: LmdbEnvironment;
  readonly #transaction: ReturnType<LmdbEnvironment["read"]>;
  #isOpen = true;

  constructor(environment: LmdbEnvironment) {
    this.#environment = environment;
    this.#transaction = environment.read();
    environment.retain();
  }

  get(table: Table, key: Buffer): Buffer | undefined {
    assert(this.#isOpen, "a closed snapshot is not read");
    return this.#environment.get(table, key, this.#transaction);
  }

  scan(table: Table, range: ScanRange = {}): Iterable<Row> {
    assert(this.#isOpen, "a closed snapshot is not read");
    return this.#environment.scan(table, range, this.#transaction);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#transaction.done();
    void this.#environment.release();
  }
}

/** Generation numbers in `directory`, ascending. */
function generationsIn(directory: string): number[] {
  return readdirSync(directory)
    .map((name) => GENERATION_FILE.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

/** Deletes rewrites that did not finish and states that were replaced. */
function removeLeftovers(directory: string, generation: number): void {
  const kept = `v1-${String(generation).padStart(8, "0")}.lmdb`;
  for (const name of readdirSync(directory)) {
    if (OWN_FILE.test(name) && name !== kept && name !== `${kept}-lock`) {
      rmSync(join(directory, name), { force: true });
    }
  }
}
