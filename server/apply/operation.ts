import type { InternalField } from "../proto/internal-codec.ts";
import type { Outcome } from "./outcome.ts";

/** How one kind of request in the log is read and applied. */
export interface Operation<Request> {
  readonly field: InternalField;
  /** A CORRUPT alarm refuses it, on every member alike. */
  readonly needsIntactState: boolean;
  decode(bytes: Buffer): Request;
  /** etcd's estimate of what it adds to the database, in bytes: > 0 is refused under NOSPACE. */
  cost(request: Request): number;
  /** Throws EtcdError: then nothing was changed. */
  run(request: Request): Outcome;
}

/** An operation under a common type; only its own `decode` makes what its own `run` takes. */
export type AnyOperation = Operation<unknown>;

export const NO_COST = (): number => 0;
