import type {
  LeaseGrantResponse,
  MemberAddResponse,
  ResponseHeader,
} from "../../../server/proto/gen/rpc.ts";
import type { Make } from "../../harness/member-process.ts";
import type { RpcClient, RpcOutcome } from "../../harness/rpc-client.ts";
import { isRead, sendCall } from "./calls.ts";
import { type Names, normalForm } from "./normal-form.ts";
import { isRef, type Ref, resolved, type Step } from "./step.ts";
import { KeepAliveSession, WatchSession } from "./watch-session.ts";

/** What one server has answered to a history, in normal form. */
export interface Transcript {
  /** One for each step. */
  readonly answers: readonly string[];
  /** Per watch, everything it has delivered. */
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

export interface Place {
  readonly make: Make;
  readonly client: RpcClient;
  /** Names of what is fixed for the server: its own ids and addresses. */
  readonly names: Names;
  readonly selfId: bigint;
  /** The revision at which the history begins, the same on all servers. */
  readonly startRevision: number;
  readonly meetings: Meetings;
}

/** Plays one history at one server, step after step; reads between two writes go out together. */
export class Player {
  readonly #place: Place;
  readonly #ids: Map<bigint, string>;
  readonly #leases: bigint[] = [];
  readonly #members: bigint[] = [];
  readonly #watches: WatchSession;
  readonly #leaseStream: KeepAliveSession;
  #meetings = 0;
  /** The keys hold an id that this server chose, and so does their hash. */
  #holdsOwnIds = false;
  /** The newest that an answer has told. */
  #revision: number;

  constructor(place: Place) {
    this.#place = place;
    this.#revision = place.startRevision;
    this.#ids = new Map(place.names.ids);
    const form = (value: unknown) => this.#form(value, "Watch/Watch");
    this.#watches = new WatchSession(place.client, form, place.make === "quorate");
    this.#leaseStream = new KeepAliveSession(place.client);
  }

  async play(steps: readonly Step[]): Promise<Transcript> {
    const answers: string[] = [];
    try {
      for (let at = 0; at < steps.length; ) {
        let end = at + 1;
        if (isRead(steps[at])) while (isRead(steps[end])) end++;
        const together = steps.slice(at, end).map((step) => this.#step(step));
        answers.push(...(await Promise.all(together)));
        at = end;
      }
      const progress = await this.#meet();
      return { answers, watched: this.#watches.seen(), progress };
    } finally {
      this.#watches.close();
      this.#leaseStream.close();
    }
  }

  async #step(step: Step): Promise<string> {
    if ("watch" in step) {
      return this.#watches.create(step.watch, this.#resolve(step.create), this.#revision);
    }
    if ("cancel" in step) {
      await this.#meet();
      await this.#watches.cancel(step.cancel);
      return "";
    }
    if ("keepAlive" in step) {
      const outcome = await this.#leaseStream.keepAlive(this.#resolve(step.keepAlive));
      return this.#form(outcome, "Lease/LeaseKeepAlive");
    }
    // A watcher that catches up must not meet the compaction on one server and not on another.
    if (step.call === "KV/Compact") await this.#meet();
    const outcome = await sendCall(this.#place.client, step.call, this.#resolve(step.request));
    this.#learn(step.call, outcome);
    if (step.call.startsWith("KV/") && mentionsLease(step.request)) this.#holdsOwnIds = true;
    const isOwnHash = step.call === "Maintenance/HashKV" && this.#holdsOwnIds;
    return this.#form(outcome, isOwnHash ? "Maintenance/Hash" : step.call);
  }

  /** Resolves when all watches have delivered everything: what ours says it has delivered. */
  async #meet(): Promise<ReadonlyMap<number, string>> {
    const { make, meetings } = this.#place;
    const { promise, resolve } = meetings.at(this.#meetings++);
    // Before 3.4.25 a progress answer did not mean that everything was delivered.
    const said = make === "etcd-3.4" ? new Map() : await this.#watches.synchronized(this.#revision);
    if (make === "quorate") resolve(this.#watches.counts());
    else await this.#watches.reached(await promise);
    return said;
  }

  #resolve<T>(fields: T): T extends Ref ? bigint : Exclude<T, Ref> {
    return resolved(fields, (ref) => this.#known(ref)) as T extends Ref ? bigint : Exclude<T, Ref>;
  }

  #known({ ref, n }: Ref): bigint | number {
    if (ref === "revision") return this.#place.startRevision + n;
    if (ref === "self") return this.#place.selfId;
    // Before there is one, an id that nobody has.
    return (ref === "lease" ? this.#leases : this.#members)[n] ?? 1_000_000n + BigInt(n);
  }

  /** Ids that the server chose get the names under which the history speaks of them. */
  #learn(call: string, outcome: RpcOutcome<unknown>): void {
    if (!("response" in outcome)) return;
    const { header } = outcome.response as { header?: ResponseHeader };
    this.#revision = Math.max(this.#revision, header?.revision ?? 0);
    if (call === "Lease/LeaseGrant") {
      const { ID } = outcome.response as LeaseGrantResponse;
      if (ID < 1n << 32n || this.#ids.has(ID)) return;
      this.#ids.set(ID, `@lease+${this.#leases.push(ID) - 1}`);
    }
    if (call === "Cluster/MemberAdd") {
      const { ID } = (outcome.response as MemberAddResponse).member ?? { ID: 0n };
      this.#ids.set(ID, `@member+${this.#members.push(ID) - 1}`);
    }
  }

  #form(value: unknown, call: string): string {
    return normalForm(value, call, { ids: this.#ids, texts: this.#place.names.texts });
  }
}

function mentionsLease(value: unknown): boolean {
  if (isRef(value)) return value.ref === "lease";
  if (typeof value !== "object" || value === null || Buffer.isBuffer(value)) return false;
  return Object.values(value).some(mentionsLease);
}
