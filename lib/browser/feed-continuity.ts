// What a feed can say of its own wholeness. A stream that is back has missed nothing only once all
// that had happened by then has come: compaction may still have taken something of it.
//
//   whole ── broken, failed, away ──▶ cut ── opened ──▶ catching up ── is there ──▶ whole
//                                                            └── gap ──▶ whole from there on

import { compareDecimal } from "./decimal.ts";
import { formatDecimal } from "./format.ts";
import type { MarkerRow } from "./watch-row.ts";

/** A stream that has failed and is open again for this long is back. */
export const SETTLED_AFTER_MS = 15_000;
/** Longer than the console takes to ask how far etcd is; older members do not tell at all. */
export const CATCH_UP_SILENCE_MS = 20_000;

interface Cut {
  /** The stream was let go while nobody looked, and is no break. */
  readonly isAway: boolean;
  /** Undefined when nothing had begun. */
  readonly position: string | undefined;
}

export interface ContinuitySink {
  mark(kind: MarkerRow["kind"], text: string): void;
  /** Time alone has changed something. */
  changed(): void;
}

export class FeedContinuity {
  readonly #sink: ContinuitySink;
  /** What has cut the stream off, until it is known what came of it. */
  #cut: Cut | null = null;
  /** The console's last words on a stream that it ended, until another one stands. */
  #failure: string | null = null;
  #catchingUpTo: string | null = null;
  #settling: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(sink: ContinuitySink) {
    this.#sink = sink;
  }

  /** Where the cluster stood when the stream was opened, until everything up to there has come. */
  get catchingUpTo(): string | null {
    return this.#catchingUpTo;
  }

  get isCut(): boolean {
    return this.#cut !== null;
  }

  /** The stream ends here, whether another one follows or not. */
  closed(): void {
    clearTimeout(this.#settling);
    clearTimeout(this.#silence);
  }

  /** Somebody has asked for another try, and hears if that fails as well. */
  retried(): void {
    this.#failure = null;
  }

  away(position: string | undefined): void {
    this.#cut ??= { isAway: true, position };
  }

  broken(text: string, position: string | undefined): void {
    clearTimeout(this.#settling);
    if (this.#failure !== null) return;
    this.#cut = { isAway: false, position };
    this.#sink.mark("lost", text);
  }

  /** Every try may end with the same words; one row says enough. */
  failed(text: string, position: string | undefined): void {
    clearTimeout(this.#settling);
    if (text === this.#failure) return;
    this.#failure = null;
    this.broken(text, position);
    this.#failure = text;
  }

  opened(revision: string, position: string): void {
    if (this.#failure === null || compareDecimal(revision, position) > 0) {
      this.standsAt(revision, position);
      return;
    }
    // A stream that fails each time it is opened is not back by being open.
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      this.#failure = null;
      this.#isThere();
      this.#sink.changed();
    }, SETTLED_AFTER_MS);
  }

  /** Where nothing has happened since the position, no other message may come for long. */
  standsAt(revision: string, position: string): void {
    if (compareDecimal(revision, position) <= 0) {
      this.#isThere();
      return;
    }
    this.#catchingUpTo = revision;
    this.#awaitMore();
  }

  /** Before a change is shown. */
  change(revision: string): void {
    this.#failure = null;
    if (this.#cut?.isAway === true) this.#resumed(true);
    if (this.#catchingUpTo === null || compareDecimal(revision, this.#catchingUpTo) >= 0) {
      this.#isThere();
    } else this.#awaitMore();
  }

  /** All up to the position has come. */
  progress(position: string): void {
    this.#failure = null;
    this.movedTo(position);
    if (this.#catchingUpTo === null) this.#isThere();
  }

  movedTo(position: string): void {
    if (this.#catchingUpTo === null || compareDecimal(position, this.#catchingUpTo) < 0) return;
    this.#isThere();
  }

  /** Before the row of a gap. */
  gap(): void {
    this.#resumed(false);
  }

  /** What was cut off is of a history that is no more. */
  wentBack(): void {
    this.#cut = null;
    this.#isThere();
  }

  /** In silence there is nothing more to come, though nobody says so. */
  #awaitMore(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#catchingUpTo = null;
      this.#sink.changed();
    }, CATCH_UP_SILENCE_MS);
  }

  #isThere(): void {
    clearTimeout(this.#silence);
    this.#catchingUpTo = null;
    // Nothing has come late: there is nothing to say of the time away.
    if (this.#cut?.isAway === true) this.#cut = null;
    this.#resumed(true);
  }

  #resumed(isWhole: boolean): void {
    if (this.#cut === null) return;
    const { isAway, position } = this.#cut;
    this.#cut = null;
    // Without a position the watch has begun anew: there is nothing that it goes on behind.
    if (position === undefined) return;
    const at = formatDecimal(position);
    const back = isAway
      ? `This tab was not in view: what came behind revision ${at} was received later.`
      : `Connected again behind revision ${at}.${isWhole ? " No event was missed." : ""}`;
    this.#sink.mark("resumed", back);
  }
}
