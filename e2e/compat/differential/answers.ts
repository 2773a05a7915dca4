// What an answer in normal form, or the step that it answers, is.
import type { Difference } from "./difference.ts";
import type { Message, Step } from "./step.ts";

interface Failure {
  readonly status: number;
  readonly text: string;
}

export const USER_EMPTY = failure(3, "etcdserver: user name is empty");
export const INVALID_TOKEN = failure(16, "etcdserver: invalid auth token");
export const DENIED = failure(7, "etcdserver: permission denied");

export function failure(status: number, text: string): string {
  return JSON.stringify({ failure: { status, text } });
}

export function failureOf(answer: string): Failure | undefined {
  return answer.startsWith('{"failure"')
    ? (JSON.parse(answer) as { failure: Failure }).failure
    : undefined;
}

export function isResponse(answer: string): boolean {
  return answer.startsWith('{"response"');
}

export function requestOf(step: Step | undefined, call: string): Message | undefined {
  return step !== undefined && "call" in step && step.call === call ? step.request : undefined;
}

/** That we refuse whoever calls, and they look at what he asks for. */
export function refusesCaller(
  { step, ours, theirs }: Difference,
  call: string,
  refusals: readonly string[],
): boolean {
  const judged = [USER_EMPTY, INVALID_TOKEN, DENIED];
  return requestOf(step, call) !== undefined && refusals.includes(ours) && !judged.includes(theirs);
}

/** All operations of a transaction, with those of the transactions in it. */
export function* operationsOf(txn: Message | undefined): Generator<Message> {
  for (const branch of ["success", "failure"]) {
    for (const operation of (txn?.[branch] as readonly Message[] | undefined) ?? []) {
      yield operation;
      yield* operationsOf(operation["requestTxn"] as Message | undefined);
    }
  }
}

/** Whether anything in a request asks for a range that ends before it begins, or where it does. */
export function asksForNothing(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(asksForNothing);
  if (typeof value !== "object" || value === null || Buffer.isBuffer(value)) return false;
  const { key = Buffer.alloc(0), rangeEnd } = value as { key?: unknown; rangeEnd?: unknown };
  const isEmpty =
    Buffer.isBuffer(key) &&
    Buffer.isBuffer(rangeEnd) &&
    rangeEnd.length > 0 &&
    !rangeEnd.equals(Buffer.alloc(1)) &&
    Buffer.compare(key, rangeEnd) >= 0;
  return isEmpty || Object.values(value).some(asksForNothing);
}

/** The response without some fields of its outermost level. */
export function without(answer: string, fields: readonly string[]): string {
  if (!isResponse(answer)) return answer;
  const { response } = JSON.parse(answer) as { response: Record<string, unknown> };
  const rest = Object.entries(response).filter(([name]) => !fields.includes(name));
  return JSON.stringify({ response: Object.fromEntries(rest) });
}
