/** Our own bug: an invariant does not hold. Never caught, never sent to a client; the process ends. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** On in production: a member that is wrong must stop before it acknowledges anything. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The value of something that an invariant says is there. */
export function must<T>(value: T | undefined | null, message: string): T {
  if (value === undefined || value === null) throw new AssertionError(message);
  return value;
}

export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`);
}

/** Indexes, terms and revisions are numbers: exact below 2^53, which no cluster reaches. */
export function assertSafeInteger(value: number, name: string): void {
  assert(Number.isSafeInteger(value) && value >= 0, `${name} is no safe integer: ${value}`);
}
