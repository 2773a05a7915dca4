import { expect, test } from "vitest";
import { changeConfState } from "./conf-change.ts";
import { ConfChangeType, type ConfState } from "./entry.ts";

const { ADD_NODE, REMOVE_NODE, UPDATE_NODE, ADD_LEARNER_NODE } = ConfChangeType;
const state: ConfState = { voters: [2n, 5n], learners: [3n] };

function change(type: ConfChangeType, nodeId: bigint, from = state): ConfState {
  return changeConfState(from, { type, nodeId });
}

test("ids stay in order, and a member is a voter or a learner, never both", () => {
  expect(change(ADD_NODE, 4n)).toEqual({ voters: [2n, 4n, 5n], learners: [3n] });
  expect(change(ADD_NODE, 3n)).toEqual({ voters: [2n, 3n, 5n], learners: [] });
  expect(change(ADD_LEARNER_NODE, 1n)).toEqual({ voters: [2n, 5n], learners: [1n, 3n] });
  expect(change(ADD_LEARNER_NODE, 5n)).toEqual({ voters: [2n], learners: [3n, 5n] });
  expect(change(REMOVE_NODE, 3n)).toEqual({ voters: [2n, 5n], learners: [] });
});

test("what is already so stays so", () => {
  expect(change(ADD_NODE, 2n)).toBe(state);
  expect(change(ADD_LEARNER_NODE, 3n)).toBe(state);
  expect(change(REMOVE_NODE, 9n)).toEqual(state);
  expect(change(UPDATE_NODE, 2n)).toBe(state);
});

test("a refused change, which names no member, changes nothing", () => {
  for (const type of Object.values(ConfChangeType)) expect(change(type, 0n)).toBe(state);
});

test("the last voter is neither removed nor made a learner", () => {
  const alone: ConfState = { voters: [1n], learners: [2n] };
  expect(change(REMOVE_NODE, 1n, alone)).toBe(alone);
  expect(change(ADD_LEARNER_NODE, 1n, alone)).toBe(alone);
});
