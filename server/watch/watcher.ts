import type { Lateness } from "./late-watchers.ts";
import type { WatchEvent } from "./watch-event.ts";
import type { WatchStream } from "./watch-stream.ts";

export interface WatcherOptions {
  /** Any 64 bits; unique on its stream. */
  readonly id: bigint;
  /** Latin-1 string of the key's bytes. */
  readonly key: string;
  /** Absent: only `key`. */
  readonly range: { readonly end: string | undefined } | undefined;
  /** As asked for; 0 is from now on. */
  readonly startRevision: number;
  readonly wantsPrevious: boolean;
  readonly wantsProgress: boolean;
  readonly wantsPuts: boolean;
  readonly wantsDeletes: boolean;
  /** Responses that are too large come in parts. */
  readonly takesFragments: boolean;
}

/** One watch on one stream. */
export class Watcher implements WatcherOptions {
  readonly id: bigint;
  readonly key: string;
  readonly range: { readonly end: string | undefined } | undefined;
  readonly startRevision: number;
  readonly wantsPrevious: boolean;
  readonly wantsProgress: boolean;
  readonly wantsPuts: boolean;
  readonly wantsDeletes: boolean;
  readonly takesFragments: boolean;
  readonly stream: WatchStream;
  /** It was sent, or never wants, everything before this revision; exact while it catches up. */
  position: number;
  /** Of that revision it was sent the changes before this one, in parts. */
  sub = 0;
  /** It gets changes as they happen; else it catches up from `position`. Its stream sets it. */
  isSynced = false;
  /** Its hub has done with it. */
  isGone = false;
  /** Of what it missed by no fault of its own; until it is synced. */
  #lateness: Lateness | undefined;
  /** It was sent an event since the last look for progress. */
  hadEvent = false;
  /** Collected, and sent before anything else happens. */
  events: WatchEvent[] = [];

  constructor(stream: WatchStream, options: WatcherOptions, position: number) {
    this.stream = stream;
    this.id = options.id;
    this.key = options.key;
    this.range = options.range;
    this.startRevision = options.startRevision;
    this.wantsPrevious = options.wantsPrevious;
    this.wantsProgress = options.wantsProgress;
    this.wantsPuts = options.wantsPuts;
    this.wantsDeletes = options.wantsDeletes;
    this.takesFragments = options.takesFragments;
    this.position = position;
  }

  /** Whether what it has not been sent can be read, whatever was compacted. */
  get isKept(): boolean {
    return this.#lateness?.isKept === true;
  }

  /** It is late for no fault of its own. */
  excuse(lateness: Lateness | undefined): void {
    if (lateness === undefined || this.#lateness !== undefined) return;
    this.#lateness = lateness;
    lateness.hold();
    this.stream.excusedCount++;
  }

  /** It has been told, or its client reads too slowly. */
  endExcuse(): void {
    if (this.#lateness === undefined) return;
    this.#lateness.letGo();
    this.#lateness = undefined;
    this.stream.excusedCount--;
  }

  /** Of key and range end. */
  get keyBytes(): number {
    return this.key.length + (this.range?.end?.length ?? 0);
  }

  /** Bytes that the collected events come to when sent, about; not counted on beyond `enough`. */
  collectedBytes(enough: number): number {
    let bytes = 0;
    for (const event of this.events) {
      bytes += event.size(this.wantsPrevious);
      if (bytes >= enough) break;
    }
    return bytes;
  }

  wants(event: { readonly main: number; readonly isDelete: boolean }): boolean {
    return event.main >= this.position && (event.isDelete ? this.wantsDeletes : this.wantsPuts);
  }
}
