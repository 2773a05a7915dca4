import { BoundedQueue } from "../base/queue.ts";
import { type Message, MessageType } from "../raft/message.ts";

/** Messages from peers that wait for a turn; further ones are dropped, raft repeats what matters. */
export const INBOX_MAX = 4096;
/** As many proposals of peers may wait for a leader, */
export const FORWARDED_MAX = 4096;
/** and so many bytes of them. */
export const FORWARDED_BYTES_MAX = 64 * 1024 * 1024;

interface Forwarded {
  readonly message: Message;
  readonly arrivedMs: number;
}

export interface InboxTarget {
  /** 0n: none is known. */
  readonly leader: bigint;
  step(message: Message): void;
}

/**
 * What peers have sent, for one turn after the other. The proposals among it, of members that took
 * this one for the leader, let everything else pass: it may say that another leads by now, and what
 * a former leader logs is lost. And as own proposals do, they wait while no leader is known.
 */
export class Inbox {
  readonly #messages = new BoundedQueue<Message>(INBOX_MAX);
  readonly #forwarded = new BoundedQueue<Forwarded>(FORWARDED_MAX);
  readonly #timeoutMs: number;
  #forwardedBytes = 0;

  /** @param timeoutMs after which nobody waits for a proposal any more */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  push(message: Message): void {
    this.#messages.push(message);
  }

  /** @param heard is told of every message before raft is */
  drain(raft: InboxTarget, nowMs: number, heard: (message: Message) => void): void {
    const messages = this.#messages;
    for (let message = messages.shift(); message !== undefined; message = messages.shift()) {
      heard(message);
      if (message.type === MessageType.PROPOSAL) this.#keep(message, nowMs);
      else raft.step(message);
    }
    if (this.#forwarded.length > 0 && raft.leader !== 0n) this.#handOn(raft, nowMs);
  }

  #keep(message: Message, arrivedMs: number): void {
    let bytes = this.#forwardedBytes;
    for (const { data } of message.entries) bytes += data.length;
    if (bytes > FORWARDED_BYTES_MAX) return;
    if (this.#forwarded.push({ message, arrivedMs })) this.#forwardedBytes = bytes;
  }

  #handOn(raft: InboxTarget, nowMs: number): void {
    this.#forwardedBytes = 0;
    for (const { message, arrivedMs } of this.#forwarded.drain()) {
      if (nowMs - arrivedMs < this.#timeoutMs) raft.step(message);
    }
  }
}
