// Applies committed entries, one after the other, each exactly once. It is a function of the state
// and the entry alone: it knows no clock, no chance, no client and no member's role, so that every
// member ends in the same state.
//
//   entry ─► decode ─► guards, in order ──────────────► operation ─► outcome
//                      CORRUPT  NOSPACE  may he do it?   put txn lease alarm auth …
//
// A guard or an operation that refuses leaves the state as it was; the entry counts as applied all
// the same. The quota is no guard: members judge it by their own files, so what exceeds it is
// applied, and only the answer says otherwise.
import { Access } from "../auth/access.ts";
import type { Identity } from "../auth/identity.ts";
import type { TokenEvents } from "../auth/token-events.ts";
import { assert } from "../base/assert.ts";
import { EMPTY_BYTES, hexId } from "../base/bytes.ts";
import type { Log } from "../base/log.ts";
import { isSteps, type Steps } from "../base/steps.ts";
import { EtcdError } from "../errors.ts";
import { isSoundChange } from "../membership/conf-changes.ts";
import type { ChangeOutcome } from "../membership/membership.ts";
import { publicationOf } from "../membership/publication.ts";
import { decodeConfChange } from "../proto/conf-codec.ts";
import type { Request } from "../proto/gen/internal.ts";
import { AlarmType } from "../proto/gen/rpc.ts";
import {
  decodeEntryContent,
  type EntryContent,
  type InternalField,
} from "../proto/internal-codec.ts";
import { changeConfState } from "../raft/conf-change.ts";
import { type Entry, EntryType } from "../raft/entry.ts";
import { authOperations } from "./auth-operations.ts";
import { applyPublication, clusterOperations, isSoundPublication } from "./cluster-operations.ts";
import { keyOperations, type OnChanges } from "./key-operations.ts";
import { leaseOperations } from "./lease-operations.ts";
import type { AnyOperation, EntryContext } from "./operation.ts";
import { type OperationName, operationNameOf, V2_PUT } from "./operation-name.ts";
import { type Outcome, refused, succeeded } from "./outcome.ts";
import type { Quota } from "./quota.ts";
import type { ReplicatedState } from "./replicated-state.ts";

export interface ApplierOptions {
  readonly state: ReplicatedState;
  readonly quota: Quota;
  readonly log: Log;
  readonly onChanges: OnChanges;
  /** There is something to delete in the background. */
  readonly onCompacted: () => void;
  readonly tokens: TokenEvents;
  /** Of one entry; absent: see AnswerRoom. */
  readonly answerBytesMax?: number;
  /** The quota is exceeded and no alarm says so yet. */
  readonly onSpaceExceeded: () => void;
}

/** What became of an entry, and under which id its proposer waits (0n: nobody does). */
export interface Applied {
  readonly id: bigint;
  readonly operation: OperationName;
  readonly outcome: Outcome;
}

export interface AppliedConfChange extends Pick<Applied, "id" | "outcome"> {
  readonly change: ChangeOutcome;
}

/** A message that hands entries to a leader. */
export interface ForwardedEntries {
  readonly from: bigint;
  readonly entries: readonly Entry[];
}

export type IsAwaited = (id: bigint) => boolean;
const ALWAYS: IsAwaited = () => true;

type Guard = (
  state: ReplicatedState,
  operation: AnyOperation,
  cost: number,
) => EtcdError | undefined;

const GUARDS: readonly Guard[] = [refuseWhenCorrupt, refuseWithoutSpace];

export class Applier {
  readonly #options: ApplierOptions;
  readonly #operations: ReadonlyMap<number, AnyOperation>;
  #index: number;

  constructor(options: ApplierOptions) {
    const { state, onChanges, onCompacted, tokens, log, answerBytesMax } = options;
    this.#options = options;
    this.#index = state.applied.index;
    const all = [
      ...keyOperations(state, onChanges, onCompacted, answerBytesMax),
      ...leaseOperations(state, onChanges),
      ...clusterOperations(state, log),
      ...authOperations(state, tokens, log),
    ];
    this.#operations = new Map(all.map((operation) => [operation.field, operation]));
  }

  /**
   * Whether what a peer forwards for the log may enter it: it comes from a member (whoever knows a
   * leader has been added there) and can be read. What cannot, once it is in the log, ends members
   * of etcd, and some of it ours, at every start.
   */
  canPropose({ from, entries }: ForwardedEntries): boolean {
    if (this.#options.state.membership.member(from) === undefined) {
      this.#options.log.warn("refused entries from no member", { from: hexId(from) });
      return false;
    }
    return entries.every((entry) => this.canApply(entry));
  }

  /** Whether an entry can be read and says something. */
  canApply({ type, data }: Pick<Entry, "type" | "data">): boolean {
    const { log } = this.#options;
    try {
      const isSound =
        type === EntryType.CONF_CHANGE
          ? isSoundChange(decodeConfChange(data))
          : this.#isSound(decodeEntryContent(data));
      if (!isSound) log.warn("refused an entry that no member could follow");
      return isSound;
    } catch (error) {
      log.warn("refused an entry that cannot be read", { error });
      return false;
    }
  }

  #isSound(content: EntryContent): boolean {
    if (content.kind === "empty") return true;
    if (content.kind === "v2") {
      const publication = publicationOf(content.request);
      return publication === undefined || isSoundPublication(this.#options.state, publication);
    }
    const operation = this.#operations.get(content.field);
    if (operation === undefined) return true;
    const request = operation.decode(content.request);
    return operation.isSound?.(request) ?? true;
  }

  /**
   * What applying a request now would refuse it with before it changes anything; undefined:
   * nothing, or auth is off.
   * @param bytes the request, well-formed
   */
  objection(field: InternalField, bytes: Buffer, identity: Identity): EtcdError | undefined {
    const { state } = this.#options;
    const operation = this.#operations.get(field);
    if (!state.auth.isEnabled || operation === undefined) return undefined;
    const request = operation.decode(bytes);
    const refusal = guarded(state, operation, operation.cost(request));
    if (refusal !== undefined) return refusal;
    try {
      operation.authorize(request, new Access(state.auth, identity));
      return undefined;
    } catch (error) {
      if (error instanceof EtcdError) return error;
      throw error;
    }
  }

  /**
   * Applies a NORMAL entry. Undefined for a new leader's empty one; steps for a long one, which must
   * be taken to their end before anything else is applied.
   * @param isAwaited whether somebody waits under an id here: else the answer is left out
   */
  apply(entry: Entry, isAwaited: IsAwaited = ALWAYS): Applied | Steps<Applied> | undefined {
    assert(entry.type === EntryType.NORMAL, "conf changes are applied apart");
    assert(entry.index === this.#index + 1, "entries are applied in order, each once");
    const content = decodeEntryContent(entry.data);
    if (content.kind !== "request") {
      this.#advance(entry);
      return content.kind === "empty" ? undefined : this.#applyV2(content.request);
    }
    const { id } = content.header;
    const operation = operationNameOf(content.field);
    const result = this.#applyRequest(content, entry.index, isAwaited(id));
    if (isSteps(result)) {
      const first = result.next();
      if (first.done !== true) {
        this.#options.state.engine.hold();
        return this.#finishing(entry, { id, operation }, result);
      }
      this.#advance(entry);
      return { id, operation, outcome: first.value };
    }
    this.#advance(entry);
    return { id, operation, outcome: result };
  }

  /** Until the end the engine commits nothing, and the entry does not count as applied. */
  *#finishing(
    entry: Entry,
    applied: Omit<Applied, "outcome">,
    steps: Steps<Outcome>,
  ): Steps<Applied> {
    const { state } = this.#options;
    const outcome = yield* steps;
    this.#advance(entry);
    state.mark();
    state.engine.release();
    return { ...applied, outcome };
  }

  /**
   * Applies a CONF_CHANGE entry; raft must be told of `change.change`. The configuration of the state
   * is the one at its own index: raft's may already be that of a snapshot further on.
   */
  applyConfChange(entry: Entry): AppliedConfChange {
    assert(entry.type === EntryType.CONF_CHANGE, "normal entries are applied apart");
    this.#advance(entry);
    const request = decodeConfChange(entry.data);
    const { state } = this.#options;
    const change = state.membership.apply(request);
    state.setConfState(changeConfState(state.applied.confState, change.change));
    const { revision } = state.kv;
    const outcome =
      change.kind === "refused"
        ? refused(change.error, revision)
        : succeeded(revision, EMPTY_BYTES);
    return { id: request.id, outcome, change };
  }

  /** After the whole state was replaced by a snapshot's. */
  restored(): void {
    this.#index = this.#options.state.applied.index;
  }

  #advance(entry: Entry): void {
    assert(entry.index === this.#index + 1, "entries are applied in order, each once");
    this.#index = entry.index;
    this.#options.state.advance(entry.index, entry.term);
  }

  #applyV2(request: Request): Applied {
    const { state, log } = this.#options;
    const publication = publicationOf(request);
    const outcome =
      publication === undefined
        ? refused(new EtcdError("UnknownMethod"), state.kv.revision)
        : applyPublication(state, log, publication);
    return { id: request.ID, operation: V2_PUT, outcome };
  }

  #applyRequest(
    content: EntryContent & { kind: "request" },
    index: number,
    isAwaited: boolean,
  ): Outcome | Steps<Outcome> {
    const { state, log } = this.#options;
    const operation = this.#operations.get(content.field);
    if (operation === undefined) {
      log.error("refused an entry of a kind that this member does not know", {
        field: content.field,
        index,
      });
      return refused(new EtcdError("UnknownMethod"), state.kv.revision);
    }
    try {
      const access = new Access(state.auth, content.header);
      return this.#run(operation, content.request, { index, access, isAwaited });
    } catch (error) {
      return this.#refusedBy(error);
    }
  }

  #refusedBy(error: unknown): Outcome {
    if (error instanceof EtcdError) return refused(error, this.#options.state.kv.revision);
    throw error;
  }

  #run(operation: AnyOperation, bytes: Buffer, entry: EntryContext): Outcome | Steps<Outcome> {
    const { state } = this.#options;
    const request = operation.decode(bytes);
    const costBytes = operation.cost(request);
    const refusal = guarded(state, operation, costBytes);
    if (refusal !== undefined) return refused(refusal, state.kv.revision);
    if (state.auth.isEnabled) operation.authorize(request, entry.access);
    const result = operation.run(request, entry);
    return isSteps(result) ? this.#running(result, costBytes) : this.#judged(result, costBytes);
  }

  *#running(steps: Steps<Outcome>, costBytes: number): Steps<Outcome> {
    try {
      return this.#judged(yield* steps, costBytes);
    } catch (error) {
      return this.#refusedBy(error);
    }
  }

  #judged(outcome: Outcome, costBytes: number): Outcome {
    const { quota, onSpaceExceeded } = this.#options;
    if (quota.hasRoom(costBytes)) return outcome;
    onSpaceExceeded();
    return refused(new EtcdError("NoSpace"), outcome.revision);
  }
}

/** In order; the first that objects decides. */
function guarded(
  state: ReplicatedState,
  operation: AnyOperation,
  costBytes: number,
): EtcdError | undefined {
  for (const guard of GUARDS) {
    const error = guard(state, operation, costBytes);
    if (error !== undefined) return error;
  }
  return undefined;
}

function refuseWhenCorrupt(state: ReplicatedState, operation: AnyOperation): EtcdError | undefined {
  if (!operation.needsIntactState || !state.alarms.isActive(AlarmType.CORRUPT)) return undefined;
  return new EtcdError("Corrupt");
}

function refuseWithoutSpace(
  state: ReplicatedState,
  _operation: AnyOperation,
  costBytes: number,
): EtcdError | undefined {
  if (costBytes === 0 || !state.alarms.isActive(AlarmType.NOSPACE)) return undefined;
  return new EtcdError("NoSpace");
}
