/** Revocations that a leader proposes in a second; so many leases can expire together. */
const REVOKES_PER_SECOND = 1000;
/** Only so many are meant to expire in a second: others expire as well. */
const EXPIRIES_PER_SECOND = (3 * REVOKES_PER_SECOND) / 4;
const SECOND_MS = 1000;

export interface Extended<T> {
  readonly lease: T;
  /** Beyond its time. */
  readonly delayMs: number;
}

/**
 * Leases whose clocks start together, the first to expire first, each with how much later it should
 * expire so that their revocations do not pile up: the rule of etcd's lessor.Promote.
 * @param secondsOf what is left of a lease
 */
export function* spreadExpiries<T>(
  leases: Iterable<T>,
  secondsOf: (lease: T) => number,
): Iterable<Extended<T>> {
  const bySeconds = new Map<number, T[]>();
  let count = 0;
  for (const lease of leases) {
    const seconds = secondsOf(lease);
    const group = bySeconds.get(seconds);
    if (group === undefined) bySeconds.set(seconds, [lease]);
    else group.push(lease);
    count++;
  }
  const isSpread = count >= REVOKES_PER_SECOND;
  let windowMs = Number.NEGATIVE_INFINITY;
  let windowEndMs = Number.NEGATIVE_INFINITY;
  let expiries = 0;
  for (const seconds of Float64Array.from(bySeconds.keys()).sort()) {
    const leftMs = seconds * SECOND_MS;
    for (const lease of bySeconds.get(seconds) ?? []) {
      expiries++;
      let delayMs = 0;
      if (leftMs > windowEndMs) {
        windowMs = leftMs;
        windowEndMs = leftMs + SECOND_MS;
        expiries = 1;
      } else if (isSpread && expiries > EXPIRIES_PER_SECOND) {
        delayMs = (SECOND_MS * expiries) / EXPIRIES_PER_SECOND - (leftMs - windowMs);
        windowEndMs = windowMs + delayMs;
      }
      yield { lease, delayMs };
    }
  }
}
