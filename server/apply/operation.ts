import type { Access } from "../auth/access.ts";
import type { Steps } from "../base/steps.ts";
import type { InternalField } from "../proto/internal-codec.ts";
import type { Outcome } from "./outcome.ts";

/** What an entry is besides its request. */
export interface EntryContext {
  readonly index: number;
  /** Of whoever proposed it, by the users and roles of now. */
  readonly access: Access;
  /** Whether somebody waits for the answer here. */
  readonly isAwaited: boolean;
}

/** How one kind of request in the log is read and applied. */
export interface Operation<Request> {
  readonly field: InternalField;
  /** A CORRUPT alarm refuses it, on every member alike. */
  readonly needsIntactState: boolean;
  decode(bytes: Buffer): Request;
  /**
   * Whether what could be decoded says what it must; applied, it would change nothing. Absent: all
   * of it does.
   */
  isSound?(request: Request): boolean;
  /** etcd's estimate of what it adds to the database, in bytes: > 0 is refused under NOSPACE. */
  cost(request: Request): number;
  /** Only asked while auth is on. Throws EtcdError when the proposer may not. */
  authorize(request: Request, access: Access): void;
  /**
   * Throws EtcdError: then nothing was changed. What can be long pauses; nothing else is applied
   * meanwhile, and readers see the revision before.
   */
  run(request: Request, entry: EntryContext): Outcome | Steps<Outcome>;
}

/** An operation under a common type; only its own `decode` makes what its own `run` takes. */
export type AnyOperation = Operation<unknown>;

/** Judged where the request came in, or proposed by members alone. */
export const NOT_JUDGED = (): void => undefined;

export const NO_COST = (): number => 0;
