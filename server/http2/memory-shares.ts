/** A connection, by what it makes us hold. */
export interface Holder {
  /** Where it comes from. */
  readonly host: string;
  readonly heldBytes: number;
  /** When its peer last took some of the answers that wait for it. */
  readonly takenMs: number;
}

/**
 * Whom to close when memory runs out: of the host whose connections hold most together, who has
 * taken nothing for longest, and of several the one that holds most. Whoever holds less than that
 * host's average stays: it would free little. Undefined where nobody holds anything.
 */
export function costliest<H extends Holder>(holders: Iterable<H>): H | undefined {
  const byHost = new Map<string, H[]>();
  for (const holder of holders) {
    if (holder.heldBytes <= 0) continue;
    const others = byHost.get(holder.host);
    if (others === undefined) byHost.set(holder.host, [holder]);
    else others.push(holder);
  }
  let most: readonly H[] = [];
  let mostBytes = 0;
  for (const group of byHost.values()) {
    const bytes = group.reduce((sum, { heldBytes }) => sum + heldBytes, 0);
    if (bytes > mostBytes) [most, mostBytes] = [group, bytes];
  }
  return most
    .filter(({ heldBytes }) => heldBytes * most.length >= mostBytes)
    .toSorted((a, b) => a.takenMs - b.takenMs || b.heldBytes - a.heldBytes)[0];
}
