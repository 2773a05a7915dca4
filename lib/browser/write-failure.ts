import type { KeyValue } from "../schema/keys.ts";
import { formatDecimal } from "./format.ts";
import { errorText, RequestError } from "./request.ts";

/** Why a write failed, as far as it has. */
export interface WriteFailure {
  /** It may have happened: no answer came that tells. */
  readonly isUnknown: boolean;
  readonly text: string;
}

/** What was to become of the key. */
export type WriteAim = "saved" | "created" | "deleted";

/** Where it may have happened all the same, it does not say otherwise. */
export function failureTitle({ isUnknown }: WriteFailure, aim: WriteAim): string {
  return isUnknown ? `Not known whether it was ${aim}` : `Not ${aim}`;
}

/** For a single key: with what to do, where nobody knows whether it was written. */
export function writeFailure(error: unknown): WriteFailure {
  const text = errorText(error);
  if (!isOutcomeUnknown(error)) return { isUnknown: false, text };
  const advice = "It may or may not have happened: look at the key before you try again.";
  return { isUnknown: true, text: `${advice} ${text}` };
}

/**
 * Somebody else was first, so nothing was written.
 * @param current what stands there now; null: nothing
 */
export function overtaken(
  current: KeyValue | null,
  { gone, advice }: { readonly gone: string; readonly advice: string },
): WriteFailure {
  if (current === null) return { isUnknown: false, text: gone };
  const text = `It has changed at revision ${formatDecimal(current.modRevision)}. ${advice}`;
  return { isUnknown: false, text };
}

/**
 * Whether a failed write may have happened. Only a refusal says that it did not, and only the
 * console tells what etcd has refused: where its answer was lost, everything is possible.
 */
export function isOutcomeUnknown(error: unknown): boolean {
  if (!(error instanceof RequestError)) return true;
  switch (error.code) {
    case "offline":
      return true;
    case "bad-reply":
      // A proxy that refuses has passed nothing on.
      return error.status < 400 || error.status >= 500;
    default:
      return error.mayHaveHappened;
  }
}
