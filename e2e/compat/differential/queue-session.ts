import { setTimeout as delay } from "node:timers/promises";
import type { ClientReadableStream } from "@grpc/grpc-js";
import {
  ElectionDefinition,
  LeaderRequest,
  type LeaderResponse,
} from "../../../server/proto/gen/election.ts";
import type { KeyValue } from "../../../server/proto/gen/kv.ts";
import type { RpcClient, RpcOutcome } from "../../harness/rpc-client.ts";
import type { Message } from "./step.ts";

const ANSWER_LIMIT_MS = 10_000;
const LOOK_AGAIN_MS = 5;
/** Who may not look into the queue takes who says nothing for so long for one that waits. */
const SILENCE_MS = 500;

/** Queues are the keys under a name; undefined where they cannot be looked at. */
export type LookInto = (range: {
  readonly key: Buffer;
  readonly rangeEnd: Buffer;
}) => Promise<readonly KeyValue[] | undefined>;

interface Waiting {
  /** The step that made it wait. */
  readonly at: number;
  readonly name: Buffer;
  /** Of its own key. */
  readonly createRevision: number | undefined;
  /** Somebody waits who said who he is. */
  readonly isNamed: boolean;
  readonly outcome: Promise<RpcOutcome<unknown>>;
}

interface Entry {
  readonly at: number;
  readonly request: Message;
  readonly isNamed: boolean;
  readonly send: () => Promise<RpcOutcome<unknown>>;
}

interface Observed {
  readonly at: number;
  readonly name: Buffer;
  readonly stream: ClientReadableStream<LeaderResponse>;
  readonly seen: string[];
  last: KeyValue | undefined;
  isOver: boolean;
}

/**
 * Those who wait for a lock or to lead, and who observes an election, at one server. What they wait
 * for is looked up beside them, so that no answer depends on how fast a server is.
 */
export class QueueSession {
  readonly #client: RpcClient;
  readonly #lookInto: LookInto;
  readonly #form: (value: unknown) => string;
  #waiting: readonly Waiting[] = [];
  readonly #observed: Observed[] = [];

  constructor(client: RpcClient, lookInto: LookInto, form: (value: unknown) => string) {
    this.#client = client;
    this.#lookInto = lookInto;
    this.#form = form;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#observed.length === 0;
  }

  get isNamed(): boolean {
    return this.#waiting.some((each) => each.isNamed);
  }

  /** Resolves with how it ended, or with why there is no end yet. */
  async enter({ at, request, isNamed, send }: Entry): Promise<RpcOutcome<unknown> | string> {
    const name = (request["name"] as Buffer | undefined) ?? Buffer.alloc(0);
    const lease = (request["lease"] as bigint | undefined) ?? 0n;
    const key = Buffer.concat([name, Buffer.from(`/${lease.toString(16)}`)]);
    // Of one that waits already nobody could see when it was asked once more.
    if (waitsSince(await this.#keysOf(name), key) !== undefined) return "waits already";
    const outcome = send();
    let ended: RpcOutcome<unknown> | undefined;
    void outcome.then((how) => {
      ended = how;
    });
    const startedAt = performance.now();
    for (;;) {
      await Promise.race([outcome, delay(LOOK_AGAIN_MS)]);
      if (ended !== undefined) return ended;
      const keys = await this.#keysOf(name);
      const createRevision = waitsSince(keys, key);
      const limitMs = keys === undefined ? SILENCE_MS : ANSWER_LIMIT_MS;
      if (createRevision !== undefined || performance.now() > startedAt + limitMs) {
        this.#waiting = [...this.#waiting, { at, name, createRevision, isNamed, outcome }];
        return "waits";
      }
    }
  }

  /** Those whose turn has come, by the step that made them wait. */
  async turns(): Promise<readonly (readonly [at: number, outcome: RpcOutcome<unknown>])[]> {
    const ended: (readonly [number, RpcOutcome<unknown>])[] = [];
    const stillWaiting: Waiting[] = [];
    for (const each of this.#waiting) {
      const keys = await this.#keysOf(each.name);
      const first = each.createRevision;
      const isNext = first !== undefined && keys?.every((key) => key.createRevision >= first);
      const outcome = isNext === true ? await limited(each.outcome) : undefined;
      if (outcome === undefined) stillWaiting.push(each);
      else ended.push([each.at, outcome]);
    }
    this.#waiting = stillWaiting;
    for (const each of this.#observed) await this.#caughtUp(each);
    return ended;
  }

  async observe(at: number, name: Buffer, token: string | undefined): Promise<void> {
    const { observe } = ElectionDefinition.methods;
    const request = LeaderRequest.fromPartial({ name });
    const stream = this.#client.responses(ElectionDefinition, observe, request, token);
    const seen: string[] = [];
    const observed: Observed = { at, name, stream, seen, last: undefined, isOver: false };
    this.#observed.push(observed);
    stream.on("data", (response: LeaderResponse) => {
      observed.last = response.kv;
      seen.push(this.#form(response));
    });
    stream.on("error", ({ code, details }: Error & { code: number; details: string }) => {
      observed.isOver = true;
      seen.push(this.#form({ status: code, text: details }));
    });
    await this.#caughtUp(observed);
  }

  /** Per observing step, what it was shown. */
  seen(): ReadonlyMap<number, readonly string[]> {
    return new Map(this.#observed.map(({ at, seen }) => [at, [...seen]]));
  }

  /** Who still waits is left to it: when the store is emptied, his turn comes. */
  close(): void {
    for (const { stream } of this.#observed) stream.cancel();
  }

  /** Resolves when whoever leads has been seen, or the limit is over. */
  async #caughtUp(observed: Observed): Promise<void> {
    const keys = await this.#keysOf(observed.name);
    const [leader] = (keys ?? []).toSorted((a, b) => a.createRevision - b.createRevision);
    const deadline = performance.now() + ANSWER_LIMIT_MS;
    while (leader !== undefined && !observed.isOver && performance.now() < deadline) {
      if (observed.last?.modRevision === leader.modRevision) return;
      await delay(LOOK_AGAIN_MS);
    }
  }

  #keysOf(name: Buffer): Promise<readonly KeyValue[] | undefined> {
    const [key, rangeEnd] = ["/", "0"].map((end) => Buffer.concat([name, Buffer.from(end)]));
    return this.#lookInto({ key: key as Buffer, rangeEnd: rangeEnd as Buffer });
  }
}

/** When the key was created, if others were before it. */
function waitsSince(keys: readonly KeyValue[] | undefined, own: Buffer): number | undefined {
  const created = keys?.find(({ key }) => key.equals(own))?.createRevision;
  if (created === undefined) return undefined;
  return keys?.some(({ createRevision }) => createRevision < created) ? created : undefined;
}

function limited(outcome: Promise<RpcOutcome<unknown>>): Promise<RpcOutcome<unknown> | undefined> {
  return Promise.race([outcome, delay(ANSWER_LIMIT_MS, undefined, { ref: false })]);
}
