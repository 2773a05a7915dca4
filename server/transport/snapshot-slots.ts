import type { IncomingMessage } from "node:http";
import type { Clock } from "../base/clock.ts";

/** Databases on their way in at once; an honest cluster sends a member one. */
const SLOTS = 4;
/** Nobody is called slow before. */
const TRIAL_MS = 1_000;

/** The place of one database on its way in. */
export interface SnapshotSlot {
  readonly request: IncomingMessage;
  readonly startedMs: number;
  receivedBytes: number;
}

/** Few databases are taken in at the same time; whoever dawdles makes room for the next. */
export class SnapshotSlots {
  readonly #clock: Clock;
  readonly #slots = new Set<SnapshotSlot>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be left when the request is over. */
  enter(request: IncomingMessage): SnapshotSlot {
    if (this.#slots.size >= SLOTS) this.#dropSlowest();
    const slot = { request, startedMs: this.#clock.monotonic(), receivedBytes: 0 };
    this.#slots.add(slot);
    return slot;
  }

  leave(slot: SnapshotSlot): void {
    this.#slots.delete(slot);
  }

  #dropSlowest(): void {
    const nowMs = this.#clock.monotonic();
    const rate = ({ receivedBytes, startedMs }: SnapshotSlot) =>
      receivedBytes / Math.max(nowMs - startedMs, TRIAL_MS);
    let slowest: SnapshotSlot | undefined;
    for (const slot of this.#slots) {
      if (slowest === undefined || rate(slot) < rate(slowest)) slowest = slot;
    }
    if (slowest === undefined) return;
    this.#slots.delete(slowest);
    slowest.request.destroy(new Error("too many snapshots come at once"));
  }
}
