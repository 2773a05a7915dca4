import { once } from "node:events";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import {
  WatchDefinition,
  WatchRequest,
  type WatchResponse,
} from "../../../server/proto/gen/rpc.ts";
import type { RpcClient } from "../../harness/rpc-client.ts";
import type { Message } from "./step.ts";

/** Watches that one caller makes share so many streams. */
const STREAMS = 2;
const ANSWER_LIMIT_MS = 10_000;
/** After a tenth of a second etcd has caught up with what a watch begins with. */
const DELIVERY_LIMIT_MS = 3_000;
/** etcd does not answer while a watcher lags; then it is asked again. */
const ASK_AGAIN_MS = 20;

type Form = (value: unknown) => string;

/**
 * Whether a server's streams say that they have delivered everything: etcd's do not once compaction
 * has ended a watch on them, and before 3.4.25 none did.
 */
export type Speech = "clear" | "held up" | "mute";

export interface NewWatch {
  /** Of the step that makes it: its name in what was seen. */
  readonly at: number;
  /** By which it can be cancelled. */
  readonly handle: number;
  readonly create: Message;
  /** The store's. */
  readonly revision: number;
  /** As the history calls whoever makes it. */
  readonly caller: string;
  readonly token: string | undefined;
  /** In which the token is the caller's. */
  readonly period: string;
}

interface Watched {
  readonly stream: WatchStream;
  id: bigint | undefined;
  /** What came, response borders left out: they may lie anywhere between two revisions. */
  readonly seen: string[];
  isLive: boolean;
  /** It has had less than others when time was over: it is not waited for again. */
  isLate: boolean;
  /** It begins with what is past. */
  readonly isOfPast: boolean;
  /** Of the last event, unless the response said that more of its revision would come. */
  lastRevision: number | undefined;
}

interface Opened {
  /** The step for which it was opened: its name. */
  readonly at: number;
  readonly period: string;
  readonly stream: WatchStream;
  /** Of a watch of the future, which is alone on its stream. */
  readonly startRevision: bigint;
}

/** The watches of one history at one server. */
export class WatchSession {
  readonly #client: RpcClient;
  readonly #form: Form;
  readonly #speech: Speech;
  readonly #opened: Opened[] = [];
  /** The newest of each caller. */
  readonly #shared = new Map<string, Opened>();
  readonly #watched = new Map<number, Watched>();
  readonly #byHandle = new Map<number, Watched>();

  constructor(client: RpcClient, form: Form, speech: Speech) {
    this.#client = client;
    this.#form = form;
    this.#speech = speech;
  }

  /** Resolves with what the server said to it. */
  async create(watch: NewWatch): Promise<string> {
    const { at, handle, create: fields } = watch;
    const startRevision = BigInt((fields["startRevision"] as number | bigint | undefined) ?? 0);
    // Until the future comes, a newer etcd tells no progress beside it.
    const isAhead = startRevision > BigInt(watch.revision);
    const { stream } = isAhead ? this.#open(watch, startRevision) : this.#share(watch);
    const watched: Watched = {
      stream,
      id: undefined,
      seen: [],
      isLive: true,
      isLate: false,
      isOfPast: startRevision !== 0n && !isAhead,
      lastRevision: undefined,
    };
    this.#watched.set(at, watched);
    this.#byHandle.set(handle, watched);
    return stream.create(watched, fields);
  }

  /** Resolves when the cancellation has come; at once when there is nothing to cancel. */
  async cancel(handle: number): Promise<void> {
    const watched = this.#byHandle.get(handle);
    if (watched?.isLive !== true || watched.id === undefined) return;
    await watched.stream.cancel(watched);
  }

  /**
   * Resolves when every watch has delivered all that has happened, with what each stream says; a
   * stream that does not say it is left out.
   */
  async synchronized(revision: number): Promise<ReadonlyMap<number, string>> {
    const reached = this.#opened.filter((each) => each.startRevision <= BigInt(revision));
    const said = await Promise.all(
      reached.map(async ({ at, stream }) => [at, await stream.progress(revision)] as const),
    );
    return new Map(said.filter((each): each is readonly [number, string] => each[1] !== undefined));
  }

  /** One that begins with what is past has shown nothing of it, and its stream says nothing. */
  get mayLag(): boolean {
    return [...this.#watched.values()].some(
      ({ stream, isLive, isOfPast, seen }) =>
        isLive && isOfPast && seen.length === 0 && !stream.tells,
    );
  }

  /** Per watch what has come so far. */
  counts(): ReadonlyMap<number, number> {
    return new Map([...this.#watched].map(([at, { seen }]) => [at, seen.length]));
  }

  /** Resolves when at least so much has come, or the limit is over. */
  async reached(counts: ReadonlyMap<number, number>): Promise<void> {
    const deadline = performance.now() + DELIVERY_LIMIT_MS;
    for (const [at, count] of counts) {
      const watched = this.#watched.get(at);
      // One that was refused here and made there will never have as much.
      while (watched?.id !== undefined && !watched.isLate && watched.seen.length < count) {
        watched.isLate = performance.now() > deadline || watched.stream.hasFailed;
        if (!watched.isLate) await watched.stream.somethingCame(ASK_AGAIN_MS);
      }
    }
  }

  seen(): ReadonlyMap<number, readonly string[]> {
    return new Map([...this.#watched].map(([at, { seen }]) => [at, seen]));
  }

  close(): void {
    for (const { stream } of this.#opened) stream.close();
  }

  #share(watch: NewWatch): Opened {
    const name = `${watch.handle % STREAMS} ${watch.caller}`;
    const known = this.#shared.get(name);
    if (known?.stream.hasFailed === false && known.period === watch.period) return known;
    const opened = this.#open(watch, 0n);
    this.#shared.set(name, opened);
    return opened;
  }

  #open({ at, token, period }: NewWatch, startRevision: bigint): Opened {
    const stream = new WatchStream(this.#client, this.#form, { speech: this.#speech, token });
    const opened = { at, period, stream, startRevision };
    this.#opened.push(opened);
    return opened;
  }
}

class WatchStream {
  readonly #stream: ClientDuplexStream<WatchRequest, WatchResponse>;
  readonly #form: Form;
  readonly #byId = new Map<bigint, Watched>();
  #creating: { watched: Watched; answer: (text: string) => void } | undefined;
  #onProgress: ((text: string) => void) | undefined;
  #progressRevision = 0;
  #failure: string | undefined;
  readonly #speech: Speech;
  #hadCompacted = false;

  constructor(
    client: RpcClient,
    form: Form,
    { speech, token }: { speech: Speech; token: string | undefined },
  ) {
    this.#form = form;
    this.#speech = speech;
    this.#stream = client.stream(WatchDefinition, WatchDefinition.methods.watch, token);
    this.#stream.on("data", (response: WatchResponse) => this.#take(response));
    this.#stream.on("error", ({ details }: { details: string }) => {
      this.#fail(`the stream failed: ${details}`);
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

  /** Whether it says when it has delivered everything. */
  get tells(): boolean {
    const isMute = this.#speech === "mute" || (this.#speech === "held up" && this.#hadCompacted);
    return this.isWatched && !isMute;
  }

  /**
   * What it says of the revision, or a later one: answers to earlier questions may still come.
   * Undefined where no answer comes: no watch is left, or one that is gone holds it up.
   */
  async progress(revision: number): Promise<string | undefined> {
    if (!this.tells) return undefined;
    this.#progressRevision = revision;
    const answer = new Promise<string>((resolve) => {
      this.#onProgress = resolve;
    });
    const ask = () => this.#stream.write(WatchRequest.fromPartial({ progressRequest: {} }));
    ask();
    const again = setInterval(ask, ASK_AGAIN_MS);
    try {
      const said = await within(answer, "never synchronized");
      return this.tells ? said : undefined;
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
    const { watchId, created, canceled } = response;
    if (watchId === -1n && !created) {
      const isOfNow = (response.header?.revision ?? 0) >= this.#progressRevision;
      if (isOfNow) this.#onProgress?.(this.#form(response));
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
    if (watched === undefined) {
      this.#fail(`a response to no watch: ${this.#form(response)}`);
      return;
    }
    this.#takeEvents(watched, response);
    if (!canceled) return;
    watched.isLive = false;
    const { header, compactRevision, cancelReason, fragment } = response;
    watched.seen.push(this.#form({ canceled, header, compactRevision, cancelReason, fragment }));
    if (compactRevision > 0) this.#hadCompacted = true;
    if (!this.tells) this.#onProgress?.("");
  }

  #takeEvents(watched: Watched, { header, events, fragment }: WatchResponse): void {
    if (events.length === 0) return;
    const newest = events.at(-1)?.kv?.modRevision ?? 0;
    if (newest > (header?.revision ?? 0)) watched.seen.push("a header of before the events");
    if (events[0]?.kv?.modRevision === watched.lastRevision) {
      watched.seen.push("a revision came in two responses");
    }
    for (const event of events) watched.seen.push(this.#form(event));
    watched.lastRevision = fragment ? undefined : newest;
  }

  #fail(text: string): void {
    this.#failure = text;
    this.#creating?.answer(text);
    this.#onProgress?.(text);
  }
}

async function within(answer: Promise<string>, otherwise: string): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), ANSWER_LIMIT_MS);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
