import { once } from "node:events";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import {
  LeaseDefinition,
  LeaseKeepAliveRequest,
  type LeaseKeepAliveResponse,
  WatchDefinition,
  WatchRequest,
  type WatchResponse,
} from "../../../server/proto/gen/rpc.ts";
import type { RpcClient } from "../../harness/rpc-client.ts";
import type { Message } from "./step.ts";

/** Watches of one history share so many streams. */
const STREAMS = 2;
const ANSWER_LIMIT_MS = 10_000;
/** etcd does not answer while a watcher lags; then it is asked again. */
const ASK_AGAIN_MS = 20;

type Form = (value: unknown) => string;

interface Watched {
  readonly stream: WatchStream;
  id: bigint | undefined;
  /** What came, response borders left out: they may lie anywhere. */
  readonly seen: string[];
  isLive: boolean;
}

/** The watches of one history at one server. */
export class WatchSession {
  readonly #client: RpcClient;
  readonly #form: Form;
  readonly #forgets: boolean;
  readonly #streams: (WatchStream | undefined)[] = [];
  /** Watches of the future, alone each: until it comes, a newer etcd tells no progress beside it. */
  readonly #ahead: { readonly stream: WatchStream; readonly startRevision: bigint }[] = [];
  readonly #watched = new Map<number, Watched>();

  /** @param forgets whether a watch that compaction ended no longer holds its stream's progress up */
  constructor(client: RpcClient, form: Form, forgets: boolean) {
    this.#client = client;
    this.#form = form;
    this.#forgets = forgets;
  }

  /** Resolves with what the server said to it. */
  async create(handle: number, fields: Message, revision: number): Promise<string> {
    const startRevision = BigInt((fields["startRevision"] as number | bigint | undefined) ?? 0);
    const isAhead = startRevision > BigInt(revision);
    const stream = isAhead ? this.#open() : this.#stream(handle);
    if (isAhead) this.#ahead.push({ stream, startRevision });
    const watched: Watched = { stream, id: undefined, seen: [], isLive: true };
    this.#watched.set(handle, watched);
    return stream.create(watched, fields);
  }

  /** Resolves when the cancellation has come; at once when there is nothing to cancel. */
  async cancel(handle: number): Promise<void> {
    const watched = this.#watched.get(handle);
    if (watched?.isLive !== true || watched.id === undefined) return;
    await watched.stream.cancel(watched);
  }

  /**
   * Resolves when every watch has delivered all that has happened, with what each stream says; a
   * stream that does not say it is left out.
   */
  async synchronized(revision: number): Promise<ReadonlyMap<number, string>> {
    const reached = this.#ahead.filter((each) => each.startRevision <= BigInt(revision));
    const streams = [...this.#streams, ...reached.map(({ stream }) => stream)];
    const said = new Map<number, string>();
    for (const [at, stream] of streams.entries()) {
      const text = await stream?.progress();
      if (text !== undefined) said.set(at, text);
    }
    return said;
  }

  /** Per watch what has come so far. */
  counts(): ReadonlyMap<number, number> {
    return new Map([...this.#watched].map(([handle, { seen }]) => [handle, seen.length]));
  }

  /** Resolves when at least so much has come, or the limit is over. */
  async reached(counts: ReadonlyMap<number, number>): Promise<void> {
    const deadline = performance.now() + ANSWER_LIMIT_MS;
    for (const [handle, count] of counts) {
      const watched = this.#watched.get(handle);
      while (watched !== undefined && watched.seen.length < count) {
        if (performance.now() > deadline || watched.stream.hasFailed) return;
        await watched.stream.somethingCame(ASK_AGAIN_MS);
      }
    }
  }

  seen(): ReadonlyMap<number, readonly string[]> {
    return new Map([...this.#watched].map(([handle, { seen }]) => [handle, seen]));
  }

  close(): void {
    for (const stream of this.#streams) stream?.close();
    for (const { stream } of this.#ahead) stream.close();
  }

  #stream(handle: number): WatchStream {
    const at = handle % STREAMS;
    const known = this.#streams[at];
    if (known !== undefined && !known.hasFailed) return known;
    const stream = this.#open();
    this.#streams[at] = stream;
    return stream;
  }

  #open(): WatchStream {
    return new WatchStream(this.#client, this.#form, this.#forgets);
  }
}

class WatchStream {
  readonly #stream: ClientDuplexStream<WatchRequest, WatchResponse>;
  readonly #form: Form;
  readonly #byId = new Map<bigint, Watched>();
  #creating: { watched: Watched; answer: (text: string) => void } | undefined;
  #onProgress: ((text: string) => void) | undefined;
  #failure: string | undefined;
  readonly #forgets: boolean;
  #hadCompacted = false;

  constructor(client: RpcClient, form: Form, forgets: boolean) {
    this.#form = form;
    this.#forgets = forgets;
    this.#stream = client.stream(WatchDefinition, WatchDefinition.methods.watch);
    this.#stream.on("data", (response: WatchResponse) => this.#take(response));
    this.#stream.on("error", (error: { details: string }) => {
      this.#failure = `the stream failed: ${error.details}`;
      this.#creating?.answer(this.#failure);
      this.#onProgress?.(this.#failure);
    });
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  get isWatched(): boolean {
    return !this.hasFailed && [...this.#byId.values()].some(({ isLive }) => isLive);
  }

  async create(watched: Watched, fields: Message): Promise<string> {
    const answer = new Promise<string>((resolve) => {
      this.#creating = { watched, answer: resolve };
    });
    this.#stream.write(WatchRequest.fromPartial({ createRequest: fields }));
    return within(answer, "no answer to the creation");
  }

  async cancel(watched: Watched): Promise<void> {
    const { id } = watched;
    if (id === undefined) return;
    this.#stream.write(WatchRequest.fromPartial({ cancelRequest: { watchId: id } }));
    const deadline = performance.now() + ANSWER_LIMIT_MS;
    while (watched.isLive && !this.hasFailed && performance.now() < deadline) {
      await this.somethingCame(ASK_AGAIN_MS);
    }
  }

  get #tells(): boolean {
    return this.isWatched && (this.#forgets || !this.#hadCompacted);
  }

  /** Undefined where no answer comes: no watch is left, or one that is gone holds it up. */
  async progress(): Promise<string | undefined> {
    if (!this.#tells) return undefined;
    const answer = new Promise<string>((resolve) => {
      this.#onProgress = resolve;
    });
    const ask = () => this.#stream.write(WatchRequest.fromPartial({ progressRequest: {} }));
    ask();
    const again = setInterval(ask, ASK_AGAIN_MS);
    try {
      const said = await within(answer, "never synchronized");
      return this.#tells ? said : undefined;
    } finally {
      clearInterval(again);
      this.#onProgress = undefined;
    }
  }

  /** Resolves with the next response, or after the limit. */
  async somethingCame(limitMs: number): Promise<void> {
    const limit = AbortSignal.timeout(limitMs);
    await once(this.#stream, "data", { signal: limit }).catch(() => undefined);
  }

  close(): void {
    this.#stream.cancel();
  }

  #take(response: WatchResponse): void {
    const { watchId, created, canceled, events, ...rest } = response;
    if (watchId === -1n && !created) {
      this.#onProgress?.(this.#form(response));
      return;
    }
    if (created) {
      const creating = this.#creating;
      this.#creating = undefined;
      if (creating !== undefined && !canceled) {
        creating.watched.id = watchId;
        this.#byId.set(watchId, creating.watched);
      } else if (creating !== undefined) creating.watched.isLive = false;
      creating?.answer(this.#form(response));
      return;
    }
    const watched = this.#byId.get(watchId);
    if (watched === undefined) throw new Error(`a response to no watch: ${this.#form(response)}`);
    for (const event of events) watched.seen.push(this.#form(event));
    if (!canceled) return;
    watched.isLive = false;
    watched.seen.push(this.#form({ canceled, ...rest }));
    if (rest.compactRevision > 0) this.#hadCompacted = true;
    if (!this.#tells) this.#onProgress?.("");
  }
}

async function within(answer: Promise<string>, otherwise: string): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), ANSWER_LIMIT_MS);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

/** One stream of keep-alives, asked one at a time. */
export class KeepAliveSession {
  readonly #client: RpcClient;
  #stream: ClientDuplexStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse> | undefined;

  constructor(client: RpcClient) {
    this.#client = client;
  }

  async keepAlive(ID: bigint): Promise<unknown> {
    this.#stream ??= this.#open();
    const stream = this.#stream;
    stream.write(LeaseKeepAliveRequest.fromPartial({ ID }));
    try {
      const [response] = (await once(stream, "data")) as [LeaseKeepAliveResponse];
      return { response };
    } catch (error) {
      this.#stream = undefined;
      const { code, details } = error as { code: number; details: string };
      return { failure: { status: code, text: details } };
    }
  }

  close(): void {
    this.#stream?.cancel();
  }

  #open() {
    const stream = this.#client.stream(LeaseDefinition, LeaseDefinition.methods.leaseKeepAlive);
    // Whoever waits for an answer hears of it; between two answers the next one does.
    stream.on("error", () => {
      if (this.#stream === stream) this.#stream = undefined;
    });
    return stream;
  }
}
