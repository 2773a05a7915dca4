// One POST per message: slow, but it needs nothing to be open. Used until the peer has dialled, and
// while it is in doubt whether it still reads what it has dialled.
import type { Clock } from "../base/clock.ts";
import { BoundedQueue } from "../base/queue.ts";
import { encodeMessage } from "../proto/codec.ts";
import { type Message, MessageType } from "../raft/message.ts";
import { exchange } from "./peer-request.ts";
import type { PeerUrls } from "./peer-urls.ts";
import type { TlsDial } from "./tls.ts";

const PIPELINE_MESSAGES_MAX = 64;
const CONNECTIONS_MAX = 4;
const IDLE_MS = 5000;
const ANSWER_BYTES_MAX = 4096;
const FORBIDDEN = 403;

export interface PipelineOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly urls: PeerUrls;
  readonly clock: Clock;
  readonly dialTls?: TlsDial | undefined;
  readonly sent: (byteCount: number) => void;
  /** A message did not arrive. */
  readonly failed: (problem: string) => void;
  /** The peer says that this member is gone for good. */
  readonly removed: () => void;
}

export class Pipeline {
  readonly #options: PipelineOptions;
  /** They go first: whatever else is lost raft repeats. */
  readonly #proposals = new BoundedQueue<Message>(PIPELINE_MESSAGES_MAX);
  readonly #others = new BoundedQueue<Message>(PIPELINE_MESSAGES_MAX);
  #connections = 0;
  #isStopped = false;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** False when too many wait. */
  push(message: Message): boolean {
    const queue = message.type === MessageType.PROPOSAL ? this.#proposals : this.#others;
    if (this.#isStopped || !queue.push(message)) return false;
    if (this.#connections < CONNECTIONS_MAX) void this.#drain();
    return true;
  }

  stop(): void {
    this.#isStopped = true;
    this.#proposals.drain();
    this.#others.drain();
  }

  async #drain(): Promise<void> {
    this.#connections++;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const problem = await this.#post(next);
      if (problem !== undefined && !this.#isStopped) this.#options.failed(problem);
    }
    this.#connections--;
  }

  #next(): Message | undefined {
    return this.#proposals.shift() ?? this.#others.shift();
  }

  async #post(message: Message): Promise<string | undefined> {
    const { headers, urls, clock, dialTls, sent, removed } = this.#options;
    const url = urls.pick();
    if (url === undefined) return "peer without address";
    const body = encodeMessage(message);
    const options = {
      method: "POST",
      path: "/raft",
      headers: {
        ...headers,
        "Content-Type": "application/protobuf",
        "Content-Length": body.length,
      },
      idleMs: IDLE_MS,
      clock,
      dialTls,
    } as const;
    try {
      const { status, body: text } = await exchange(url, options, body, ANSWER_BYTES_MAX);
      if (status === 204) {
        sent(body.length);
        return undefined;
      }
      if (status === FORBIDDEN) removed();
      urls.failed(url);
      return `${status} ${text.toString().trim()}`;
    } catch (error) {
      urls.failed(url);
      return error instanceof Error ? error.message : String(error);
    }
  }
}
