import type { GrpcCall, GrpcHandler } from "../http2/grpc-call.ts";
import { LeaderResponse } from "../proto/gen/election.ts";
import type { KeyValue } from "../proto/gen/kv.ts";
import { type ResponseHeader, WatchResponse } from "../proto/gen/rpc.ts";
import type { WatchHub } from "../watch/hub.ts";
import type { WatchEvent } from "../watch/watch-event.ts";
import type { WatchStream } from "../watch/watch-stream.ts";
import { firstKey, type QueueRange } from "./key-queue.ts";
import type { LocalClient } from "./local-client.ts";

/** Sent and not yet taken by the client: then events wait in the store. */
const BACKLOG_BYTES_MAX = 1024 * 1024;

export interface ObservationOptions {
  readonly hub: WatchHub;
  readonly header: (revision: number) => ResponseHeader;
  readonly client: LocalClient;
}

/**
 * One client's view of an election: the leader's key, each time it is written, and its successor's
 * when it is gone. It follows one key at a time, or waits for the first of all.
 */
export class Observation implements GrpcHandler {
  readonly #call: GrpcCall;
  readonly #options: ObservationOptions;
  readonly #decode: (bytes: Buffer) => QueueRange;
  #queue: QueueRange | undefined;
  #stream: WatchStream | undefined;
  #isOver = false;

  constructor(call: GrpcCall, options: ObservationOptions, decode: (bytes: Buffer) => QueueRange) {
    this.#call = call;
    this.#options = options;
    this.#decode = decode;
    call.onDrain = () => this.#stream?.resume();
  }

  message(bytes: Buffer): void {
    if (this.#queue !== undefined) return;
    this.#queue = this.#decode(bytes);
    void this.#seek(this.#queue);
  }

  halfClose(): void {}

  cancel(): void {
    this.#isOver = true;
    this.#unwatch();
  }

  /** Finds who leads now, or waits for one. */
  async #seek(queue: QueueRange): Promise<void> {
    let found: { kv: KeyValue | undefined; header: ResponseHeader };
    try {
      const { kvs, header } = await this.#options.client.range(firstKey(queue));
      found = { kv: kvs[0], header: header ?? this.#options.header(0) };
    } catch {
      // Whatever it was: as in etcd, the stream ends and names no reason.
      this.#close();
      return;
    }
    if (this.#isOver) return;
    const { kv, header } = found;
    if (kv === undefined) this.#await(queue, header.revision);
    else this.#follow(queue, kv, header);
  }

  #await(queue: QueueRange, revision: number): void {
    this.#watch(queue.key, queue.rangeEnd, revision, (events) => {
      const [event] = events;
      if (event === undefined) return;
      this.#unwatch();
      this.#follow(queue, keyValueOf(event), this.#options.header(event.main));
    });
  }

  #follow(queue: QueueRange, kv: KeyValue, header: ResponseHeader): void {
    this.#send(kv, header);
    this.#watch(kv.key, Buffer.alloc(0), header.revision + 1, (events) => {
      for (const event of events) {
        if (event.isDelete) {
          this.#unwatch();
          void this.#seek(queue);
          return;
        }
        this.#send(keyValueOf(event), this.#options.header(event.main));
      }
    });
  }

  #watch(
    key: Buffer,
    rangeEnd: Buffer,
    startRevision: number,
    onEvents: (events: readonly WatchEvent[]) => void,
  ): void {
    const call = this.#call;
    const stream = this.#options.hub.openStream({
      get hasRoom() {
        return call.backlogBytes < BACKLOG_BYTES_MAX;
      },
      // Later, because what follows may close the stream, which its hub does not expect meanwhile.
      events: (_watcher, _revision, events) => {
        queueMicrotask(() => {
          if (this.#stream === stream) onEvents(events);
        });
      },
      canceled() {},
      compacted: () => this.#close(),
      failed: () => this.#close(),
      progress() {},
    });
    this.#stream = stream;
    const made = stream.create({
      key,
      rangeEnd,
      startRevision,
      id: 0n,
      wantsPrevious: false,
      wantsProgress: false,
      wantsPuts: true,
      // Of a whole queue only who comes is of interest.
      wantsDeletes: rangeEnd.length === 0,
      takesFragments: false,
    });
    if ("refusal" in made) this.#close();
  }

  #unwatch(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  #send(kv: KeyValue, header: ResponseHeader): void {
    this.#call.send(LeaderResponse.encode({ header, kv }).finish());
  }

  #close(): void {
    if (this.#isOver) return;
    this.cancel();
    this.#call.end();
  }
}

function keyValueOf(event: WatchEvent): KeyValue {
  const [decoded] = WatchResponse.decode(event.encoded(false)).events;
  return decoded?.kv as KeyValue;
}
