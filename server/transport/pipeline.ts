// One POST per message: slow, but it needs nothing to be open. Used until the peer has dialled.
import type { Clock } from "../base/clock.ts";
import { BoundedQueue } from "../base/queue.ts";
import { encodeMessage } from "../proto/codec.ts";
import type { Message } from "../raft/message.ts";
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
  readonly #queue = new BoundedQueue<Message>(PIPELINE_MESSAGES_MAX);
  #connections = 0;
  #isStopped = false;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** False when too many wait. */
  push(message: Message): boolean {
    if (this.#isStopped || !this.#queue.push(message)) return false;
    if (this.#connections < CONNECTIONS_MAX) void this.#drain();
    return true;
  }

  stop(): void {
    this.#isStopped = true;
    this.#queue.drain();
  }

  async #drain(): Promise<void> {
    this.#connections++;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const problem = await this.#post(next);
      if (problem !== undefined && !this.#isStopped) this.#options.failed(problem);
    }
    this.#connections--;
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
