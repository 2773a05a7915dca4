import { AssertionError } from "../base/assert.ts";
import type { Log } from "../base/log.ts";
import { EtcdError, Status } from "../errors.ts";

export interface CallFailure {
  readonly status: Status;
  readonly text: string;
}

/** A request whose bytes are no message of its type. */
export class MalformedRequestError extends Error {
  override readonly name = "MalformedRequestError";
}

/**
 * What a client is told about something thrown: an EtcdError as it is, anything else as INTERNAL
 * and no more. A broken invariant is thrown on, it ends the process.
 */
export function callFailure(thrown: unknown, path: string, log: Log): CallFailure {
  if (thrown instanceof EtcdError) return { status: thrown.status, text: thrown.message };
  if (thrown instanceof AssertionError) throw thrown;
  if (thrown instanceof MalformedRequestError) {
    const text = `grpc: error unmarshalling request: ${thrown.message}`;
    return { status: Status.INTERNAL, text };
  }
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  log.error("a call failed unexpectedly", { path, error: String(thrown), stack });
  return { status: Status.INTERNAL, text: "internal error" };
}
