import { type ConfChange, ConfChangeType, type ConfState } from "./entry.ts";

/**
 * The configuration after one change: a pure function of both, so that every member that applies
 * the same entry gets the same answer. What is already so stays so, id 0n changes nothing, and
 * neither does a change that would leave no voter at all. One voter moves at a time, so the
 * majorities before and after always share a member.
 */
export function changeConfState(state: ConfState, change: ConfChange): ConfState {
  const id = change.nodeId;
  if (id === 0n) return state;
  switch (change.type) {
    case ConfChangeType.ADD_NODE:
      if (state.voters.includes(id)) return state;
      return { voters: withId(state.voters, id), learners: withoutId(state.learners, id) };
    case ConfChangeType.ADD_LEARNER_NODE:
      if (state.learners.includes(id) || isLastVoter(state, id)) return state;
      return { voters: withoutId(state.voters, id), learners: withId(state.learners, id) };
    case ConfChangeType.REMOVE_NODE:
      if (isLastVoter(state, id)) return state;
      return { voters: withoutId(state.voters, id), learners: withoutId(state.learners, id) };
    case ConfChangeType.UPDATE_NODE:
      return state;
    default:
      return state;
  }
}

function isLastVoter(state: ConfState, id: bigint): boolean {
  return state.voters.length === 1 && state.voters[0] === id;
}

function withId(ids: readonly bigint[], id: bigint): bigint[] {
  return [...ids, id].sort(ascending);
}

function withoutId(ids: readonly bigint[], id: bigint): bigint[] {
  return ids.filter((other) => other !== id);
}

export function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
