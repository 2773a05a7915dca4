// The thread of this process that writes LMDB files. The event loop packs what is to be committed and
// hears when it is on disk; checksums, the pages of the tree and the sync are not its business:
//
//     layer ─ packed, a piece a turn ─▶ pieces ══ change hands ══▶ one transaction ─▶ disk
//       event loop                                                 thread    │
//       promise ◀──────────────────── done, or why not ◀─────────────────────┘
//
// Invariants:
// - One thread serves all files of the process, one order after the other, and answers in that order.
// - The first order starts it. It keeps no process from ending while nobody waits for it.
// - When it dies, whoever waits for it hears of it: a commit is done or has failed, never forgotten.

import { Worker } from "node:worker_threads";
import { must } from "../base/assert.ts";
import { SystemClock } from "../base/clock.ts";
import { type CommitPiece, piecesOf } from "./commit-piece.ts";
import type { Layer } from "./layer.ts";

export interface CommitOrder {
  readonly path: string;
  /** All of one transaction; without any the file is closed. */
  readonly pieces: readonly CommitPiece[];
}

export interface CommitReport {
  readonly error?: unknown;
}

/** For the thread's own objects; what is committed does not lie in its heap. */
const YOUNG_HEAP_MB = 4;
/** The same file beside this one, run from source or built. */
const WORKER = new URL(
  `./lmdb-commit-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`,
  import.meta.url,
);

let shared: LmdbCommitThread | undefined;

export class LmdbCommitThread {
  readonly #clock = new SystemClock();
  readonly #worker = new Worker(WORKER, {
    name: "commits",
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_HEAP_MB },
  });
  /** For each order under way, oldest first. An engine has one at a time. */
  readonly #waiting: PromiseWithResolvers<void>[] = [];

  private constructor() {
    this.#worker.on("message", (report: CommitReport) => this.#hear(report));
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(new Error("the thread that commits has ended")));
    this.#worker.unref();
  }

  static shared(): LmdbCommitThread {
    shared ??= new LmdbCommitThread();
    return shared;
  }

  /**
   * One transaction, on disk when resolved.
   * @param path of a file that this process has open
   * @param layer that takes no more writes
   */
  async commit(path: string, layer: Layer): Promise<void> {
    const pieces: CommitPiece[] = [];
    for (const piece of piecesOf(layer)) {
      if (pieces.length > 0) await new Promise<void>((resolve) => this.#clock.soon(resolve));
      pieces.push(piece);
    }
    if (pieces.length > 0) await this.#order({ path, pieces });
  }

  /** The thread lets go of the file, as a dead one has. */
  async close(path: string): Promise<void> {
    if (shared === this) await this.#order({ path, pieces: [] });
  }

  #order(order: CommitOrder): Promise<void> {
    if (shared !== this) return Promise.reject(new Error("the thread that commits has ended"));
    const waiting = Promise.withResolvers<void>();
    this.#waiting.push(waiting);
    this.#worker.ref();
    this.#worker.postMessage(
      order,
      order.pieces.map(({ memory }) => memory),
    );
    return waiting.promise;
  }

  #hear({ error }: CommitReport): void {
    const { resolve, reject } = must(this.#waiting.shift(), "each report answers an order");
    if (this.#waiting.length === 0) this.#worker.unref();
    if (error === undefined) resolve();
    else reject(error);
  }

  #fail(error: Error): void {
    if (shared === this) shared = undefined;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
