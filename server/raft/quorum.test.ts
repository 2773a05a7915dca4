import { expect, test } from "vitest";
import { quorumIndex, tallyVotes } from "./quorum.ts";

test("the quorum index is the highest that a majority has reached, for every small group", () => {
  for (let size = 1; size <= 5; size++) {
    for (let code = 0; code < 4 ** size; code++) {
      const indexes = Array.from({ length: size }, (_, at) => Math.floor(code / 4 ** at) % 4);
      const reached = [3, 2, 1, 0].find(
        (index) => indexes.filter((other) => other >= index).length > size / 2,
      );
      expect(quorumIndex([...indexes]), indexes.join(" ")).toBe(reached);
    }
  }
});

test("nobody agrees to anything without voters", () => {
  expect(quorumIndex([])).toBe(0);
  expect(tallyVotes([], new Map([[1n, true]]))).not.toBe("won");
});

test("a vote is won by a majority of yes and lost when it cannot be reached any more", () => {
  const voters = [1n, 2n, 3n, 4n];
  const tally = (...votes: [bigint, boolean][]) => tallyVotes(voters, new Map(votes));
  expect(tally([1n, true], [2n, true])).toBe("pending");
  expect(tally([1n, true], [2n, true], [3n, true])).toBe("won");
  expect(tally([1n, false])).toBe("pending");
  expect(tally([1n, false], [2n, false])).toBe("lost");
  expect(tally([9n, true], [8n, true], [7n, true], [1n, true])).toBe("pending");
});
