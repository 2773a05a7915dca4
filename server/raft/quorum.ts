export type VoteResult = "won" | "lost" | "pending";

/**
 * The highest index that a majority has reached, given each voter's; 0 without voters. Sorts its
 * argument, which is the caller's scratch.
 */
export function quorumIndex(indexes: number[]): number {
  const size = indexes.length;
  if (size === 0) return 0;
  for (let i = 1; i < size; i++) {
    const index = indexes[i] as number;
    let at = i;
    while (at > 0 && (indexes[at - 1] as number) < index) {
      indexes[at] = indexes[at - 1] as number;
      at--;
    }
    indexes[at] = index;
  }
  return indexes[size >> 1] as number;
}

/** Lost as soon as the voters that have not refused are no majority any more. */
export function tallyVotes(
  voters: readonly bigint[],
  votes: ReadonlyMap<bigint, boolean>,
): VoteResult {
  const majority = (voters.length >> 1) + 1;
  let granted = 0;
  let missing = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === undefined) missing++;
    else if (vote) granted++;
  }
  if (granted >= majority) return "won";
  return granted + missing < majority ? "lost" : "pending";
}
