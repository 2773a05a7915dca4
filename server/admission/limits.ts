import { EtcdError } from "../errors.ts";

/** Committed but not applied entries beyond which new proposals are refused. */
export const APPLY_GAP_MAX = 5000;

/** Throws RequestTooLarge when a proposal's encoded bytes pass `--max-request-bytes`. */
export function checkRequestBytes(bytes: number, requestBytesMax: number): void {
  if (bytes > requestBytesMax) throw new EtcdError("RequestTooLarge");
}

/** Throws TooManyRequests while applying lags too far behind the commit index. */
export function checkApplyGap(commitIndex: number, appliedIndex: number): void {
  if (commitIndex > appliedIndex + APPLY_GAP_MAX) throw new EtcdError("TooManyRequests");
}
