import { expect, test } from "vitest";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { SeededRandom } from "../base/random.ts";
import { ConfChangeType, type ConfState, type Entry, EntryType } from "./entry.ts";
import { type Message, MessageType } from "./message.ts";
import { Raft } from "./raft.ts";
import type { RaftStart, Ready } from "./ready.ts";

const THREE: ConfState = { voters: [1n, 2n, 3n], learners: [] };

function entry(index: number, term: number, type: EntryType = EntryType.NORMAL): Entry {
  return { type, term, index, data: EMPTY_BYTES };
}

function message(type: MessageType, fields: Partial<Message>): Message {
  return {
    type,
    to: 1n,
    from: 2n,
    term: 1,
    logTerm: 0,
    index: 0,
    entries: [],
    commit: 0,
    reject: false,
    rejectHint: 0,
    context: EMPTY_BYTES,
    ...fields,
  };
}

function open(start: Partial<RaftStart> = {}): Raft {
  const confState = start.confState ?? THREE;
  const config = {
    id: 1n,
    electionTicks: 10,
    heartbeatTicks: 1,
    preVote: true,
    appendBytesMax: 1024,
    inflightAppendsMax: 4,
    random: new SeededRandom(1),
  };
  return new Raft(config, {
    hardState: { term: 1, vote: 0n, commit: 0 },
    snapshot: { index: 0, term: 0, confState },
    entries: [],
    applied: 0,
    confState,
    ...start,
  });
}

/** Carries out everything at once; what leaves is returned. */
function settle(raft: Raft): Message[] {
  const sent: Message[] = [];
  while (raft.hasReady) {
    const ready = raft.ready();
    sent.push(...ready.messages);
    if (ready.append !== undefined) {
      raft.appended();
      sent.push(...ready.append.messages);
    }
    for (const { type, index } of ready.committed) {
      const change = { type: ConfChangeType.UPDATE_NODE, nodeId: 0n };
      if (type === EntryType.CONF_CHANGE) raft.applyConfChange(change);
      raft.applied(index);
    }
  }
  return sent;
}

test("what the state machine has applied is committed, whatever the commit index says", () => {
  const raft = open({ entries: [entry(1, 1), entry(2, 1)], applied: 2 });
  expect(raft.commit).toBe(2);
  expect(settle(raft)).toEqual([]);
});

test("a second configuration change in the log proves that the first is committed", () => {
  const { CONF_CHANGE } = EntryType;
  const entries = [entry(1, 1, CONF_CHANGE), entry(2, 1), entry(3, 1, CONF_CHANGE), entry(4, 1)];
  expect(open({ entries }).commit).toBe(1);
  expect(open({ entries: entries.slice(0, 2) }).commit).toBe(0);
});

test("a disk that lost committed entries is refused", () => {
  const hardState = { term: 1, vote: 0n, commit: 2 };
  expect(() => open({ entries: [entry(1, 1)], hardState })).toThrow("lost");
  expect(() => open({ entries: [entry(2, 1)] })).toThrow("gap");
});

test("a follower commits no further than the leader's log is known to equal its own", () => {
  const raft = open({ entries: [entry(1, 1), entry(2, 1), entry(3, 1)] });
  const { APPEND } = MessageType;
  raft.step(message(APPEND, { term: 2, index: 1, logTerm: 1, commit: 3 }));
  expect(raft.commit).toBe(1);
  const entries = [entry(2, 1)];
  raft.step(message(APPEND, { term: 2, index: 1, logTerm: 1, commit: 3, entries }));
  expect(raft.commit).toBe(2);
});

test("a heartbeat that names more than this member ever had is dropped and counted", () => {
  const raft = open({ entries: [entry(1, 1)] });
  raft.step(message(MessageType.HEARTBEAT, { commit: 2 }));
  expect(raft.commit).toBe(0);
  expect(raft.status().droppedMessages).toBe(1);
});

test("an append that would change a committed entry is dropped and counted", () => {
  const hardState = { term: 1, vote: 0n, commit: 1 };
  const raft = open({ entries: [entry(1, 1)], hardState });
  const entries = [entry(1, 2)];
  raft.step(message(MessageType.APPEND, { term: 2, commit: 1, entries }));
  settle(raft);
  expect(raft.termAt(1)).toBe(1);
});

test("a term that no election leads to is not believed, but by a member that was in none", () => {
  const raft = open({ entries: [entry(1, 1)] });
  for (const type of [MessageType.HEARTBEAT, MessageType.VOTE, MessageType.APPEND_RESPONSE]) {
    raft.step(message(type, { from: 2n, term: 2 ** 40 }));
  }
  expect([raft.term, raft.status().droppedMessages]).toEqual([1, 3]);
  raft.step(message(MessageType.HEARTBEAT, { from: 2n, term: 10_000_000 }));
  expect(raft.term).toBe(10_000_000);
  const young = open({ hardState: { term: 0, vote: 0n, commit: 0 } });
  young.step(message(MessageType.HEARTBEAT, { from: 2n, term: 2 ** 40 }));
  expect(young.term).toBe(2 ** 40);
});

test("a term has one leader: another that claims it is not believed, even in between", () => {
  const raft = open();
  raft.step(message(MessageType.APPEND, { from: 2n, entries: [entry(1, 1)] }));
  settle(raft);
  raft.campaign();
  expect(raft.status().role).toBe("preCandidate");
  raft.step(message(MessageType.APPEND, { from: 3n }));
  expect(raft.leader).toBe(0n);
  raft.step(message(MessageType.HEARTBEAT, { from: 2n }));
  expect(raft.leader).toBe(2n);
});

test("nothing is applied while a snapshot is being installed, and old writes do not count", () => {
  const raft = open();
  raft.step(message(MessageType.APPEND, { entries: [entry(1, 1), entry(2, 1)], commit: 2 }));
  const first = raft.ready();
  expect(first.append?.entries.length).toBe(2);
  const snapshot = { index: 5, term: 1, confState: THREE };
  raft.step(message(MessageType.SNAPSHOT, { snapshot }));
  raft.step(
    message(MessageType.APPEND, { index: 5, logTerm: 1, entries: [entry(6, 1)], commit: 6 }),
  );
  raft.appended();
  const second = raft.ready();
  expect(second.committed).toEqual([]);
  expect(second.append?.snapshot).toEqual(snapshot);
  expect(second.append?.entries).toEqual([entry(6, 1)]);
  expect(second.append?.hardState?.commit).toBe(5);
  expect(second.append?.messages.map((each) => each.index)).toEqual([6]);
  raft.appended();
  expect(raft.ready().committed).toEqual([entry(6, 1)]);
  expect(raft.status().applied).toBe(5);
});

test("a change that is applied while a later snapshot waits leaves the snapshot's configuration", () => {
  const raft = open();
  const { APPEND, SNAPSHOT } = MessageType;
  raft.step(message(APPEND, { entries: [entry(1, 1, EntryType.CONF_CHANGE)], commit: 1 }));
  expect(raft.ready().append).toBeDefined();
  raft.appended();
  expect(raft.ready().committed).toHaveLength(1);
  raft.step(message(APPEND, { index: 1, logTerm: 1, entries: [entry(2, 1)], commit: 1 }));
  expect(raft.ready().append).toBeDefined();
  const confState: ConfState = { voters: [1n, 2n, 3n, 4n], learners: [] };
  raft.step(message(SNAPSHOT, { snapshot: { index: 5, term: 1, confState } }));
  raft.applyConfChange({ type: ConfChangeType.ADD_LEARNER_NODE, nodeId: 4n });
  raft.applied(1);
  raft.appended();
  expect(raft.ready().append?.snapshot?.index).toBe(5);
  raft.applyConfChange({ type: ConfChangeType.REMOVE_NODE, nodeId: 3n });
  raft.appended();
  expect(raft.confState).toEqual(confState);
  raft.applyConfChange({ type: ConfChangeType.REMOVE_NODE, nodeId: 3n });
  expect(raft.confState.voters).toEqual([1n, 2n, 4n]);
});

test("a snapshot is awaited until it is installed or a newer one replaces it", () => {
  const raft = open();
  const awaited = () => [5, 7, 9].filter((index) => raft.awaitsSnapshot(index));
  const arrive = (index: number) =>
    raft.step(message(MessageType.SNAPSHOT, { snapshot: { index, term: 1, confState: THREE } }));
  expect(awaited()).toEqual([]);
  arrive(5);
  expect(raft.ready().append?.snapshot?.index).toBe(5);
  arrive(7);
  expect(awaited()).toEqual([5, 7]);
  arrive(9);
  expect(awaited()).toEqual([5, 9]);
  raft.appended();
  expect(awaited()).toEqual([9]);
  expect(raft.ready().append?.snapshot?.index).toBe(9);
  raft.appended();
  expect(awaited()).toEqual([]);
});

test("an older snapshot, or one that this member is not part of, changes nothing", () => {
  const hardState = { term: 1, vote: 0n, commit: 2 };
  const raft = open({ entries: [entry(1, 1), entry(2, 1)], hardState });
  const others: ConfState = { voters: [2n, 3n], learners: [] };
  const { SNAPSHOT } = MessageType;
  raft.step(message(SNAPSHOT, { snapshot: { index: 2, term: 1, confState: THREE } }));
  raft.step(message(SNAPSHOT, { snapshot: { index: 9, term: 1, confState: others } }));
  const sent = settle(raft);
  expect(sent.map((each) => each.index)).toEqual([2]);
  expect(raft.lastIndex).toBe(2);
});

test("a Ready that was handed out never changes afterwards", () => {
  const raft = open();
  raft.step(message(MessageType.APPEND, { entries: [entry(1, 1)] }));
  const ready = raft.ready();
  const before = JSON.stringify(ready, withoutBigints);
  raft.step(message(MessageType.APPEND, { term: 2, entries: [entry(1, 2)], commit: 1 }));
  raft.step(message(MessageType.VOTE, { term: 3, from: 3n, index: 9, logTerm: 2 }));
  raft.propose([Buffer.from("x")]);
  expect(JSON.stringify(ready, withoutBigints)).toBe(before);
});

function withoutBigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

test("no message from outside makes a member fail, whatever it says", () => {
  const random = new SeededRandom(2026);
  const raft = open({ entries: [entry(1, 1), entry(2, 1)] });
  const pick = <T>(choices: readonly T[]) => choices[random.below(choices.length)] as T;
  const number = () =>
    pick([0, 1, 2, 3, raft.lastIndex, raft.term, -1, 0.5, NaN, 2 ** 63, 2 ** 52]);
  const small = () =>
    pick([0, 1, 2, 3, raft.lastIndex, raft.lastIndex + 1, raft.commit, raft.term]);
  const types = [...Object.values(MessageType), 99 as MessageType];
  for (let round = 0; round < 30_000; round++) {
    const draw = random.below(3) === 0 ? number : small;
    const at = draw();
    const entries = Array.from({ length: random.below(3) }, (_, offset) => ({
      ...entry(random.below(4) > 0 ? at + 1 + offset : draw(), draw()),
      type: pick([EntryType.NORMAL, EntryType.CONF_CHANGE, 7 as EntryType]),
    }));
    const snapshot = {
      index: draw(),
      term: draw(),
      confState: pick([THREE, { voters: [], learners: [] }]),
    };
    raft.step({
      ...message(pick(types), {
        to: pick([1n, 1n, 1n, 2n]),
        from: pick([2n, 3n, 9n, 1n, 0n, -4n]),
      }),
      term: random.below(2) === 0 ? raft.term : draw(),
      index: at,
      logTerm: draw(),
      commit: draw(),
      rejectHint: draw(),
      reject: random.below(2) === 0,
      entries,
      context: pick([EMPTY_BYTES, Buffer.alloc(8, 255), Buffer.from("CampaignTransfer")]),
      ...(random.below(20) === 0 && { snapshot }),
    });
    if (random.below(4) === 0) raft.tick();
    if (random.below(4) === 0) settle(raft);
    if (random.below(50) === 0) raft.propose([Buffer.from("x")]);
  }
  expect(raft.status().droppedMessages).toBeGreaterThan(0);
});

test("the commit index is told to the disk with the next append, or after a tick", () => {
  const raft = open({ confState: { voters: [1n], learners: [] } });
  raft.campaign();
  settle(raft);
  raft.propose([Buffer.from("a")]);
  settle(raft);
  expect(raft.hasReady).toBe(false);
  raft.tick();
  const ready: Ready = raft.ready();
  expect(ready.append).toMatchObject({ hardState: { commit: 2 }, entries: [], mustSync: false });
});

test("any number of answers may wait for the disk", () => {
  const raft = open();
  const count = 200_000;
  const unknown = message(MessageType.APPEND, { index: 9, logTerm: 1 });
  for (let i = 0; i < count; i++) raft.step(unknown);
  expect(raft.ready().messages).toHaveLength(count);
});

test("a proposal goes back to its proposer, who leads by now, and no further; a question does not", () => {
  const { PROPOSAL, READ_INDEX, HEARTBEAT } = MessageType;
  const follower = open();
  follower.step(message(HEARTBEAT, { from: 3n }));
  settle(follower);
  const proposal = message(PROPOSAL, { from: 3n, term: 0, entries: [entry(0, 0)] });
  follower.step({ ...proposal, type: READ_INDEX });
  follower.step(proposal);
  expect(settle(follower)).toEqual([{ ...proposal, to: 3n }]);
  const returned = message(PROPOSAL, { from: 1n, term: 0, entries: [entry(0, 0)] });
  follower.step(returned);
  expect(settle(follower)).toEqual([]);
  const leader = open({ confState: { voters: [1n], learners: [] } });
  leader.campaign();
  settle(leader);
  const before = leader.lastIndex;
  leader.step(returned);
  expect(leader.lastIndex).toBe(before + 1);
});
