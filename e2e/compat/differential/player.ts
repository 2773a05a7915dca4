import { setTimeout as delay } from "node:timers/promises";
import type { KeyValue } from "../../../server/proto/gen/kv.ts";
import type { AuthenticateResponse } from "../../../server/proto/gen/rpc.ts";
import type { Make } from "../../harness/member-process.ts";
import type { RpcClient, RpcOutcome } from "../../harness/rpc-client.ts";
import { isRead, sendCall } from "./calls.ts";
import { KeepAliveSession } from "./keep-alive-session.ts";
import { normalForm } from "./normal-form.ts";
import { type Origin, OwnIds } from "./own-ids.ts";
import { QueueSession } from "./queue-session.ts";
import type { SecondGate } from "./second-gate.ts";
import { type CallStep, isRef, type Message, type Ref, resolved, type Step } from "./step.ts";
import { takeSnapshot } from "./taken-snapshot.ts";
import { Tokens } from "./tokens.ts";
import { type Speech, WatchSession } from "./watch-session.ts";

/** What one server has answered to a history, in normal form. */
export interface Transcript {
  /** One for each step. */
  readonly answers: readonly string[];
  /** Per step that watches, everything that was delivered to it. */
  readonly watched: ReadonlyMap<number, readonly string[]>;
  /** What streams said when all was delivered, where they can say so. */
  readonly progress: ReadonlyMap<number, string>;
}

/** Where the server that can tell that it has delivered everything tells those that cannot. */
export class Meetings {
  readonly #counts: PromiseWithResolvers<ReadonlyMap<number, number>>[] = [];

  at(number: number): PromiseWithResolvers<ReadonlyMap<number, number>> {
    while (this.#counts.length <= number) this.#counts.push(Promise.withResolvers());
    return this.#counts[number] as PromiseWithResolvers<ReadonlyMap<number, number>>;
  }
}

export interface Place extends Origin {
  readonly make: Make;
  readonly client: RpcClient;
  readonly meetings: Meetings;
  /** The server's own, for all its histories. */
  readonly additions: SecondGate;
  /** Resolves when no watcher of the server's is still on its way from the past. */
  readonly caughtUp: () => Promise<void>;
}

const SPEECH: Readonly<Record<Make, Speech>> = {
  quorate: "clear",
  "etcd-3.5": "held up",
  "etcd-3.4": "mute",
};
/** They may have to wait for others. */
const ENTERING = new Set(["Lock/Lock", "Election/Campaign"]);
const WAIT_LIMIT_MS = 600_000;
/** Whoever has taken his place in a queue watches a moment later. */
const WATCHING_MS = 250;

/** Plays one history at one server, step after step; reads between two writes go out together. */
export class Player {
  readonly #place: Place;
  readonly #own: OwnIds;
  readonly #tokens: Tokens;
  readonly #watches: WatchSession;
  readonly #renewals: KeepAliveSession;
  readonly #queues: QueueSession;
  readonly #answers: string[] = [];
  #meetings = 0;
  /** The keys hold an id that this server chose, and so does their hash. */
  #holdsOwnIds = false;

  constructor(place: Place) {
    const { client, make } = place;
    this.#place = place;
    this.#own = new OwnIds(place);
    this.#tokens = new Tokens(make === "etcd-3.4");
    const form = (value: unknown) => this.#form(value, "Watch/Watch");
    this.#watches = new WatchSession(client, form, SPEECH[make]);
    this.#renewals = new KeepAliveSession(client);
    this.#queues = new QueueSession(client, (range) => this.#lookInto(range), form);
  }

  async play(steps: readonly Step[]): Promise<Transcript> {
    try {
      for (let at = 0; at < steps.length; ) {
        let end = at + 1;
        if (isRead(steps[at])) while (isRead(steps[end])) end++;
        const start = at;
        const together = steps.slice(at, end).map((step, i) => this.#step(step, start + i));
        this.#answers.push(...(await Promise.all(together)));
        if (!isRead(steps[at]) && !this.#queues.isEmpty) await this.#giveTurns(steps);
        at = end;
      }
      const progress = await this.#meet();
      const watched = new Map([...this.#watches.seen(), ...this.#queues.seen()]);
      return { answers: this.#answers, watched, progress };
    } finally {
      this.#watches.close();
      this.#renewals.close();
      this.#queues.close();
    }
  }

  async #step(step: Step, at: number): Promise<string> {
    const token = this.#tokens.of(step.as);
    if ("watch" in step) {
      const create = this.#resolve(step.create);
      const { revision } = this.#own;
      const [caller, period] = [step.as ?? "", this.#tokens.period(step.as)];
      const watch = { at, handle: step.watch, create, revision, caller, token, period };
      return this.#watches.create(watch);
    }
    if ("cancel" in step) {
      await this.#meet();
      await this.#watches.cancel(step.cancel);
      return "";
    }
    if ("keepAlive" in step) {
      const outcome = await this.#renewals.keepAlive(this.#resolve(step.keepAlive), token);
      return this.#form(outcome, "Lease/LeaseKeepAlive");
    }
    if ("observe" in step) {
      await this.#queues.observe(at, step.observe, token);
      return "";
    }
    return this.#call(step, at);
  }

  async #call(step: CallStep, at: number): Promise<string> {
    const { call } = step;
    const request = this.#resolve(step.request);
    const token = this.#tokens.of(step.as);
    const { client } = this.#place;
    if (call.startsWith("KV/") && mentionsLease(step.request)) this.#holdsOwnIds = true;
    if (ENTERING.has(call)) {
      const deadlineMs = WAIT_LIMIT_MS;
      const send = () => sendCall(client, call, request, { token, deadlineMs });
      const isNamed = step.as !== undefined;
      const outcome = await this.#queues.enter({ at, request, isNamed, send });
      return typeof outcome === "string" ? outcome : this.#answered(call, request, outcome);
    }
    // Then etcd 3.4 refuses those who wait, and takes their keys back, some time later.
    if (call === "Auth/AuthDisable" && this.#queues.isNamed) return "somebody waits by his name";
    if (call === "Maintenance/Snapshot") {
      return this.#form(await takeSnapshot(client, token, this.#own.compacted), call);
    }
    // A watcher that catches up must not meet the compaction on one server and not on another.
    if (call === "KV/Compact") {
      if (!this.#queues.isEmpty) await delay(WATCHING_MS);
      await this.#meet();
      if (!this.#queues.isEmpty || this.#watches.mayLag) await this.#place.caughtUp();
    }
    const send = () => sendCall(client, call, request, { token });
    // A member's id comes of its addresses and the second: once removed it is no other's.
    const { additions } = this.#place;
    const outcome = await (call === "Cluster/MemberAdd" ? additions.pass(send) : send());
    return this.#answered(call, request, outcome);
  }

  #answered(call: string, request: Message, outcome: RpcOutcome<unknown>): string {
    if (!("response" in outcome)) return this.#form(outcome, call);
    let response = outcome.response as object;
    this.#own.learn(call, request, response);
    if (call === "Auth/AuthEnable") this.#tokens.turned(true);
    if (call === "Auth/AuthDisable") this.#tokens.turned(false);
    if (call === "Auth/Authenticate") {
      const name = (request["name"] as string | undefined) ?? "";
      response = this.#tokens.learn(name, response as AuthenticateResponse);
    }
    const isOwnHash = call === "Maintenance/HashKV" && this.#holdsOwnIds;
    return this.#form({ response }, isOwnHash ? "Maintenance/Hash" : call);
  }

  /** Whoever waited and has come to his turn is answered. */
  async #giveTurns(steps: readonly Step[]): Promise<void> {
    for (const [at, outcome] of await this.#queues.turns()) {
      const { call, request } = steps[at] as CallStep;
      this.#answers[at] += `, then ${this.#answered(call, this.#resolve(request), outcome)}`;
    }
  }

  /** As root, if he has signed in: while auth is off nobody asks. */
  async #lookInto(range: Message): Promise<readonly KeyValue[] | undefined> {
    const token = this.#tokens.of("root");
    const outcome = await sendCall(this.#place.client, "KV/Range", range, { token });
    return "response" in outcome ? (outcome.response as { kvs: KeyValue[] }).kvs : undefined;
  }

  /** Resolves when all watches have delivered everything: what ours says it has delivered. */
  async #meet(): Promise<ReadonlyMap<number, string>> {
    const { make, meetings } = this.#place;
    const { promise, resolve } = meetings.at(this.#meetings++);
    const { revision } = this.#own;
    const said = await this.#watches.synchronized(revision);
    if (make === "quorate") resolve(this.#watches.counts());
    else await this.#watches.reached(await promise);
    return said;
  }

  #resolve<T>(fields: T): T extends Ref ? bigint : Exclude<T, Ref> {
    const known = resolved(fields, (ref) => this.#own.known(ref));
    return known as T extends Ref ? bigint : Exclude<T, Ref>;
  }

  #form(value: unknown, call: string): string {
    return normalForm(value, call, this.#own.names);
  }
}

function mentionsLease(value: unknown): boolean {
  if (isRef(value)) return value.ref === "lease";
  if (typeof value !== "object" || value === null || Buffer.isBuffer(value)) return false;
  return Object.values(value).some(mentionsLease);
}
