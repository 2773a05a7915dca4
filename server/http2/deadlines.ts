import { must } from "../base/assert.ts";
import type { Cancel, Clock } from "../base/clock.ts";

/** A deadline is noticed at most this late. */
const SLOT_MS = 16;
const SLOTS = 512;

export interface Expiring {
  readonly deadlineMs: number | undefined;
  expire(): void;
}

/**
 * Deadlines of all calls: a wheel of sets, because nearly every call ends long before its time and
 * one timer for each would cost more than the call. A deadline further ahead than a turn of the
 * wheel stays in its slot and is looked at once a turn. The timer runs only while one is pending.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #slots: Set<Expiring>[] = Array.from({ length: SLOTS }, () => new Set());
  #size = 0;
  #tick = 0;
  #stop: Cancel | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(call: Expiring): void {
    if (this.#size++ === 0) this.#start();
    this.#slotOf(call).add(call);
  }

  delete(call: Expiring): void {
    if (!this.#slotOf(call).delete(call)) return;
    this.#size--;
  }

  close(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #slotOf(call: Expiring): Set<Expiring> {
    const deadlineMs = must(call.deadlineMs, "only calls with a deadline are watched");
    return this.#slots[Math.floor(deadlineMs / SLOT_MS) % SLOTS] as Set<Expiring>;
  }

  #start(): void {
    if (this.#stop !== undefined) return;
    this.#tick = Math.floor(this.#clock.monotonic() / SLOT_MS);
    this.#stop = this.#clock.every(SLOT_MS, () => this.#advance());
  }

  #advance(): void {
    const nowMs = this.#clock.monotonic();
    const now = Math.floor(nowMs / SLOT_MS);
    // After a pause of more than a turn every slot is looked at once.
    this.#tick = Math.max(this.#tick, now - SLOTS);
    for (; this.#tick < now; this.#tick++) this.#expire(this.#tick % SLOTS, nowMs);
    if (this.#size > 0) return;
    this.close();
  }

  #expire(slot: number, nowMs: number): void {
    for (const call of this.#slots[slot] as Set<Expiring>) {
      if (must(call.deadlineMs, "a watched call has a deadline") > nowMs) continue;
      this.delete(call);
      call.expire();
    }
  }
}
