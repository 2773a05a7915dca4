import type { Clock } from "./clock.ts";

/** Work that pauses now and then, so that other work gets its turn; resumed by whoever owns it. */
export type Steps<T> = Generator<void, T>;

/** Does all of it at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Tells work that may pause from a result that is there. */
export function isSteps<T extends object>(result: T | Steps<T> | undefined): result is Steps<T> {
  return result !== undefined && Symbol.iterator in result;
}

/** Does all of it; at each pause everything else has its turn. */
export async function inTurns<T>(steps: Steps<T>, clock: Clock): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await new Promise<void>((resolve) => clock.soon(resolve));
  }
}
