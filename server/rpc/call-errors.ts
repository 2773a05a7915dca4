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

/** Runs a generated decoder over bytes of a peer. */
export function decodeRequest<T>(codec: { decode(input: Uint8Array): T }, bytes: Buffer): T {
  try {
    return codec.decode(bytes);
  } catch (thrown) {
    // Also the stack overflow of a message nested without end.
    throw new MalformedRequestError(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** How grpc-go's two ways of reading a request say that it is none. */
export const MalformedText = {
  UNARY: "grpc: error unmarshalling request",
  STREAM: "grpc: failed to unmarshal the received message",
} as const;
export type MalformedText = (typeof MalformedText)[keyof typeof MalformedText];

/** An answer that etcd's own table does not have. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly status: Status;

  constructor(status: Status, text: string) {
    super(text);
    this.status = status;
  }
}

/**
 * What a client is told about something thrown: what was meant for it as it is, anything else as
 * INTERNAL and no more. A broken invariant is thrown on, it ends the process.
 */
export function callFailure(
  thrown: unknown,
  path: string,
  log: Log,
  malformedText: MalformedText = MalformedText.UNARY,
): CallFailure {
  if (thrown instanceof EtcdError || thrown instanceof StatusError) {
    return { status: thrown.status, text: thrown.message };
  }
  if (thrown instanceof AssertionError) throw thrown;
  if (thrown instanceof MalformedRequestError) {
    return { status: Status.INTERNAL, text: `${malformedText}: ${thrown.message}` };
  }
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  log.error("a call failed unexpectedly", { path, error: String(thrown), stack });
  return { status: Status.INTERNAL, text: "internal error" };
}
