// How far the cluster has committed travels with every append. When there is nothing to append, it
// would travel alone: on a busy leader one more write, and one more wake-up of the other side, for
// each batch of entries. So news that carry no entries wait for the next append to the same member,
// and go alone only when none comes within NEWS_WAIT_MS.
//
// A member whose clients wait for the news (it handed on a proposal or a read of late) gets them at
// once. Delaying a message, or leaving out one that a later one covers, is what any network does:
// raft needs neither the news nor their haste.

import type { Cancel, Clock } from "../base/clock.ts";
import { type Message, MessageType } from "../raft/message.ts";

const NEWS_WAIT_MS = 1;
/** Since a member last handed something on. */
const HASTE_MS = 1000;

export class CommitNews {
  readonly #clock: Clock;
  readonly #send: (messages: readonly Message[]) => void;
  /** By member, the newest. */
  readonly #waiting = new Map<bigint, Message>();
  /** Members whose clients wait here, and when they last asked for something. */
  readonly #askedMs = new Map<bigint, number>();
  #timer: Cancel | undefined;

  /** @param send what has waited long enough */
  constructor(clock: Clock, send: (messages: readonly Message[]) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** A message of a peer's arrived. */
  heard({ type, from }: Message): void {
    if (type !== MessageType.PROPOSAL && type !== MessageType.READ_INDEX) return;
    this.#askedMs.set(from, this.#clock.monotonic());
  }

  /** What of `messages` is to be sent now, in their order. */
  sift(messages: readonly Message[]): readonly Message[] {
    if (!messages.some(({ type }) => type === MessageType.APPEND)) return messages;
    const now = messages.filter((message) => !this.#waits(message));
    if (this.#waiting.size > 0) this.#timer ??= this.#clock.after(NEWS_WAIT_MS, () => this.tell());
    return now;
  }

  /** Everything that waits goes now. */
  tell(): void {
    this.#timer?.();
    this.#timer = undefined;
    if (this.#waiting.size === 0) return;
    const news = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#send(news);
  }

  stop(): void {
    this.#timer?.();
    this.#waiting.clear();
  }

  #waits(message: Message): boolean {
    if (message.type !== MessageType.APPEND) return false;
    const { to } = message;
    if (message.entries.length === 0 && !this.#isInHaste(to)) {
      this.#waiting.set(to, message);
      return true;
    }
    this.#waiting.delete(to);
    return false;
  }

  #isInHaste(to: bigint): boolean {
    const askedMs = this.#askedMs.get(to);
    if (askedMs === undefined) return false;
    if (this.#clock.monotonic() - askedMs < HASTE_MS) return true;
    this.#askedMs.delete(to);
    return false;
  }
}
