// The leader's picture of one other member, and every transition of it.
//
//                 answer ≥ match          window of `inflights`
//      ┌───────┐ ─────────────────► ┌───────────┐
//  ──► │ probe │                    │ replicate │
//      └───────┘ ◄───────────────── └───────────┘
//        │   ▲     refused, unreachable   │
//        │   └──────────────┐             │ the log no longer holds `next`
//        └──────────────► ┌──────────┐ ◄──┘
//                         │ snapshot │  left by an answer that the log can follow up (→ replicate)
//                         └──────────┘  or by the report of the transport (→ probe)
//
// probe: the place where both logs agree is not known; one append at a time, repeated at the pace of
// heartbeat answers. replicate: appends are pipelined and `next` runs ahead of the answers.
// snapshot: nothing is sent.
//
// Invariants: match < next; match never falls; commitSent < next.

import { assert } from "../base/assert.ts";
import { Inflights } from "./inflights.ts";
import type { ProgressStatus } from "./ready.ts";

export class Progress {
  readonly id: bigint;
  isLearner: boolean;
  recentActive: boolean;
  #match = 0;
  #next: number;
  #state: ProgressStatus["state"] = "probe";
  /** Nothing more to send before something is heard. */
  #isPaused = false;
  /** An append is owed even if it carries no entry: it asks where the other stands. */
  #isAppendDue = true;
  #commitSent = 0;
  #snapshotIndex = 0;
  readonly #inflights: Inflights;

  constructor(id: bigint, isLearner: boolean, next: number, inflightsMax: number) {
    this.id = id;
    this.isLearner = isLearner;
    this.recentActive = false;
    this.#next = Math.max(next, 1);
    this.#inflights = new Inflights(inflightsMax);
  }

  get match(): number {
    return this.#match;
  }

  get next(): number {
    return this.#next;
  }

  get state(): ProgressStatus["state"] {
    return this.#state;
  }

  get isPaused(): boolean {
    return this.#isPaused || this.#state === "snapshot";
  }

  /** May entries go into the next append? With a full window only an empty one may ask. */
  get hasRoom(): boolean {
    return this.#state !== "replicate" || !this.#inflights.isFull;
  }

  /** Is there any reason to send, given the end of the leader's log and its commit index? */
  wants(lastIndex: number, committed: number): boolean {
    if (this.isPaused) return false;
    if (this.#isAppendDue || (this.#next <= lastIndex && this.hasRoom)) return true;
    return this.#state === "replicate" && Math.min(committed, this.#next - 1) > this.#commitSent;
  }

  /** An append with `count` entries from `next` on was sent, telling the commit index. */
  sent(count: number, committed: number): void {
    assert(this.#state !== "snapshot", "nothing is appended while a snapshot is under way");
    this.#isAppendDue = false;
    if (this.#state === "probe") {
      this.#isPaused = true;
    } else {
      if (count > 0) {
        this.#next += count;
        this.#inflights.add(this.#next - 1);
      }
      this.#isPaused = this.#inflights.isFull;
    }
    // The other commits no further than what this append reaches.
    this.#commitSent = Math.min(committed, this.#next - 1);
  }

  /** The member holds our log through `index`. True if that is news, or ends a probe. */
  acknowledged(index: number, firstIndex: number): boolean {
    const isNews = index > this.#match;
    if (isNews) {
      this.#match = index;
      this.#next = Math.max(this.#next, index + 1);
      this.#isPaused = false;
    }
    if (!isNews && !(index === this.#match && this.#state === "probe")) return false;
    switch (this.#state) {
      case "probe":
        this.#become("replicate", this.#match + 1);
        break;
      case "snapshot":
        // Whichever snapshot it was: what counts is that the log can go on from here.
        if (this.#match + 1 >= firstIndex) this.#become("replicate", this.#match + 1);
        break;
      case "replicate":
        this.#inflights.freeThrough(index);
        break;
    }
    return true;
  }

  /**
   * The member refused an append that followed `rejected`; its log cannot agree with ours after
   * `hint`. False: the refusal is an old one.
   */
  refused(rejected: number, hint: number): boolean {
    if (this.#state === "replicate") {
      if (rejected <= this.#match) return false;
      this.becomeProbe();
      return true;
    }
    if (this.#next - 1 !== rejected) return false;
    this.#next = Math.max(Math.min(rejected, hint + 1), this.#match + 1);
    this.#commitSent = Math.min(this.#commitSent, this.#next - 1);
    this.#isPaused = false;
    this.#isAppendDue = true;
    return true;
  }

  /** It lives. Whatever was unanswered may be lost, so one append more may ask. */
  heartbeatAnswered(lastIndex: number): void {
    this.recentActive = true;
    this.#isPaused = false;
    if (this.#match < lastIndex || this.#state === "probe") this.#isAppendDue = true;
  }

  becomeProbe(): void {
    const next =
      this.#state === "snapshot" ? Math.max(this.#match, this.#snapshotIndex) + 1 : this.#match + 1;
    this.#become("probe", next);
    this.#isAppendDue = true;
  }

  becomeSnapshot(index: number): void {
    this.#become("snapshot", index + 1);
    this.#snapshotIndex = index;
  }

  /** The transport's report. The next append waits for a sign of life. */
  snapshotEnded(delivered: boolean): void {
    if (this.#state !== "snapshot") return;
    if (!delivered) this.#snapshotIndex = 0;
    this.becomeProbe();
    this.#isPaused = true;
  }

  unreachable(): void {
    if (this.#state === "replicate") this.becomeProbe();
  }

  #become(state: ProgressStatus["state"], next: number): void {
    this.#state = state;
    this.#next = next;
    this.#commitSent = Math.min(this.#commitSent, next - 1);
    this.#isPaused = false;
    this.#isAppendDue = false;
    this.#snapshotIndex = 0;
    this.#inflights.clear();
  }

  status(): ProgressStatus {
    return {
      id: this.id,
      isLearner: this.isLearner,
      match: this.#match,
      next: this.#next,
      state: this.#state,
      recentActive: this.recentActive,
    };
  }
}
