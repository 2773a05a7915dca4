import type { EtcdError } from "../errors.ts";

/** What applying one entry gave to whoever proposed it. */
export interface Outcome {
  /** Set when the entry changed nothing, or when the client must hear of a full database. */
  readonly error: EtcdError | undefined;
  /** The store's revision after the entry: the `revision` of the response's header. */
  readonly revision: number;
  /** The response message without its header: every field from number 2 on, encoded, in pieces. */
  readonly chunks: readonly Buffer[];
}

const NO_CHUNKS: readonly Buffer[] = [];

export function refused(error: EtcdError, revision: number): Outcome {
  return { error, revision, chunks: NO_CHUNKS };
}

export function succeeded(revision: number, body: Buffer): Outcome {
  return { error: undefined, revision, chunks: [body] };
}

/** All of a short one in one piece. */
export function bodyOf({ chunks }: Pick<Outcome, "chunks">): Buffer {
  return Buffer.concat(chunks);
}
