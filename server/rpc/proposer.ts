import { checkApplyGap, checkRequestBytes } from "../admission/limits.ts";
import type { Outcome } from "../apply/outcome.ts";
import type { Quota } from "../apply/quota.ts";
import { type Identity, NOBODY } from "../auth/identity.ts";
import { EtcdError } from "../errors.ts";
import { encodeInternal, type InternalField } from "../proto/internal-codec.ts";
import type { Settle } from "../replica/proposals.ts";
import type { Replica } from "../replica/replica.ts";
import { type Callers, type CallOrigin } from "./callers.ts";

export interface ProposerOptions {
  readonly replica: Replica;
  readonly quota: Quota;
  readonly requestBytesMax: number;
  readonly callers: Callers;
  /** The quota is exceeded: the alarm is to be raised. */
  readonly onSpaceExceeded: () => void;
}

/** From an admitted request to its outcome, through the log. */
export class Proposer {
  readonly #options: ProposerOptions;

  constructor(options: ProposerOptions) {
    this.#options = options;
  }

  /**
   * @param origin whose wish it is: his name goes into the log, and every member judges it
   * @param request encoded; copied
   * @param costBytes what it adds to the database, by etcd's estimate
   * @throws EtcdError what applying it gave, or why it was not proposed or not seen applied
   */
  propose(
    origin: CallOrigin,
    field: InternalField,
    request: Uint8Array,
    costBytes = 0,
  ): Promise<Outcome> {
    const identity = this.#admit(origin, costBytes);
    if (!(identity instanceof Promise)) return this.#send(field, request, identity);
    return identity.then((known) => this.#send(field, request, known));
  }

  /**
   * As `propose`, without a promise where it can: then `settle` gets the outcome (Replica.submit).
   * @throws EtcdError why it was not proposed; then `settle` is never called
   */
  submit(
    origin: CallOrigin,
    field: InternalField,
    request: Uint8Array,
    costBytes: number,
    settle: Settle,
  ): Promise<Outcome> | undefined {
    const identity = this.#admit(origin, costBytes);
    if (identity instanceof Promise) {
      return identity.then((known) => this.#send(field, request, known));
    }
    const { id, data } = this.#entry(field, request, identity);
    this.#options.replica.submit(id, data, settle);
    return undefined;
  }

  /** What no user asks for: an entry that carries nobody's name. @throws as `propose` */
  proposeUnnamed(field: InternalField, request: Uint8Array): Promise<Outcome> {
    const { replica } = this.#options;
    checkApplyGap(replica.committedIndex, replica.appliedIndex);
    return this.#send(field, request, NOBODY);
  }

  #admit(origin: CallOrigin, costBytes: number): Identity | Promise<Identity> {
    const { replica, quota, callers, onSpaceExceeded } = this.#options;
    if (!quota.hasRoom(costBytes)) {
      onSpaceExceeded();
      throw new EtcdError("NoSpace");
    }
    checkApplyGap(replica.committedIndex, replica.appliedIndex);
    return callers.identify(origin);
  }

  #send(field: InternalField, request: Uint8Array, identity: Identity): Promise<Outcome> {
    const { id, data } = this.#entry(field, request, identity);
    return this.#options.replica.propose(id, data);
  }

  #entry(
    field: InternalField,
    request: Uint8Array,
    { username, authRevision }: Identity,
  ): { readonly id: bigint; readonly data: Buffer } {
    const { replica, requestBytesMax } = this.#options;
    const id = replica.nextId();
    const data = encodeInternal(field, request, id, username, authRevision);
    checkRequestBytes(data.length, requestBytesMax);
    return { id, data };
  }
}
