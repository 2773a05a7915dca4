import { checkApplyGap, checkRequestBytes } from "../admission/limits.ts";
import type { Outcome } from "../apply/outcome.ts";
import type { Quota } from "../apply/quota.ts";
import { type Identity, NOBODY } from "../auth/identity.ts";
import { asBuffer } from "../base/bytes.ts";
import { EtcdError } from "../errors.ts";
import { encodeInternal, type InternalField } from "../proto/internal-codec.ts";
import type { ProposalCaller, Settle } from "../replica/proposals.ts";
import type { Replica } from "../replica/replica.ts";
import { type Callers, type CallOrigin } from "./callers.ts";

export interface ProposerOptions {
  readonly replica: Pick<
    Replica,
    "committedIndex" | "appliedIndex" | "nextId" | "propose" | "submit" | "readBarrier"
  >;
  readonly quota: Quota;
  readonly requestBytesMax: number;
  readonly callers: Pick<Callers, "identify">;
  /** As `Applier.objection`. */
  readonly objection: (
    field: InternalField,
    request: Buffer,
    identity: Identity,
  ) => EtcdError | undefined;
  /** The quota is exceeded. Resolves when the alarm that says so is raised, or cannot be. */
  readonly onSpaceExceeded: () => Promise<void>;
}

/** Bytes of strangers' requests for which this member catches up at once; more is refused unheard. */
export const STRANGER_BYTES_MAX = 4 * 1024 * 1024;
/** Refused requests that wait for the alarm to be raised; more are answered without it. */
export const ALARM_WAITS_MAX = 1000;

/** Whose wish it is, for as long as he waits. */
export type Proposing = CallOrigin & ProposalCaller;

interface ProposedEntry {
  readonly id: bigint;
  readonly data: Buffer;
}

/** From an admitted request to its outcome, through the log. */
export class Proposer {
  readonly #options: ProposerOptions;
  #strangerBytes = 0;
  #alarmWaits = 0;

  constructor(options: ProposerOptions) {
    this.#options = options;
  }

  /**
   * Whether the database has room, which is asked before a request is looked at, as in etcd.
   * Undefined: it has; otherwise rejects with NoSpace, once the alarm is raised that says so.
   * @param costBytes what the request adds to the database, by etcd's estimate
   */
  refusalFor(costBytes: number): Promise<never> | undefined {
    return this.#options.quota.hasRoom(costBytes) ? undefined : this.#outOfSpace();
  }

  /**
   * @param caller whose wish it is: his name goes into the log, and every member judges it
   * @param request encoded; copied
   * @throws EtcdError what applying it gave, or why it was not proposed or not seen applied
   */
  propose(caller: Proposing, field: InternalField, request: Uint8Array): Promise<Outcome> {
    const identity = this.#admit(caller);
    if (!(identity instanceof Promise)) return this.#send(caller, field, request, identity);
    return identity.then((known) => this.#send(caller, field, request, known));
  }

  /**
   * As `propose`, without a promise where it can: then `settle` gets the outcome (Replica.submit).
   * @throws EtcdError why it was not proposed; then `settle` is never called
   */
  submit(
    caller: Proposing,
    field: InternalField,
    request: Uint8Array,
    settle: Settle,
  ): Promise<Outcome> | undefined {
    const identity = this.#admit(caller);
    if (identity instanceof Promise) {
      return identity.then((known) => this.#send(caller, field, request, known));
    }
    const { id, data } = this.#entry(field, request, identity);
    const error = this.#objection(field, request, identity);
    if (error !== undefined) return this.#refuse(caller, field, request, { id, data }, error);
    this.#options.replica.submit({ id, data, settle, caller });
    return undefined;
  }

  /** What no user asks for: an entry that carries nobody's name. @throws as `propose` */
  proposeUnnamed(
    caller: ProposalCaller,
    field: InternalField,
    request: Uint8Array,
  ): Promise<Outcome> {
    const { replica } = this.#options;
    checkApplyGap(replica.committedIndex, replica.appliedIndex);
    return this.#send(caller, field, request, NOBODY);
  }

  async #outOfSpace(): Promise<never> {
    const raised = this.#options.onSpaceExceeded();
    if (this.#alarmWaits < ALARM_WAITS_MAX) {
      this.#alarmWaits++;
      await raised.finally(() => this.#alarmWaits--);
    }
    throw new EtcdError("NoSpace");
  }

  #admit(origin: CallOrigin): Identity | Promise<Identity> {
    const { replica, callers } = this.#options;
    checkApplyGap(replica.committedIndex, replica.appliedIndex);
    return callers.identify(origin);
  }

  #send(
    caller: ProposalCaller,
    field: InternalField,
    request: Uint8Array,
    identity: Identity,
  ): Promise<Outcome> {
    const entry = this.#entry(field, request, identity);
    const error = this.#objection(field, request, identity);
    if (error !== undefined) return this.#refuse(caller, field, request, entry, error);
    return this.#options.replica.propose(entry.id, entry.data, { caller });
  }

  /** What strangers will be refused has no place in the log, where it would cost every member. */
  #objection(field: InternalField, request: Uint8Array, identity: Identity) {
    if (identity !== NOBODY) return undefined;
    return this.#options.objection(field, asBuffer(request), identity);
  }

  /** Auth may have been switched off since: the member asks how far the log is, and looks again. */
  async #refuse(
    caller: ProposalCaller,
    field: InternalField,
    request: Uint8Array,
    { id, data }: ProposedEntry,
    error: EtcdError,
  ): Promise<Outcome> {
    const { replica } = this.#options;
    if (this.#strangerBytes + data.length > STRANGER_BYTES_MAX) throw error;
    this.#strangerBytes += data.length;
    try {
      await replica.readBarrier();
    } finally {
      this.#strangerBytes -= data.length;
    }
    const still = this.#objection(field, request, NOBODY);
    if (still !== undefined) throw still;
    return replica.propose(id, data, { caller });
  }

  #entry(
    field: InternalField,
    request: Uint8Array,
    { username, authRevision }: Identity,
  ): ProposedEntry {
    const { replica, requestBytesMax } = this.#options;
    const id = replica.nextId();
    const data = encodeInternal(field, request, id, username, authRevision);
    checkRequestBytes(data.length, requestBytesMax);
    return { id, data };
  }
}
