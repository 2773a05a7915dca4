import { expect, test } from "vitest";
import { type Log, SILENT_LOG } from "../base/log.ts";
import { type Message, MessageType } from "../raft/message.ts";
import { Raft } from "../raft/raft.ts";
import { logConfiguration, logLeader, logRaftStart, RaftLines } from "./raft-lines.ts";

const [ONE, TWO, THREE] = [1n, 0xabn, 16042579720335994161n];

function logged() {
  const lines: string[] = [];
  const note = (message: string): void => void lines.push(message);
  const log: Log = { ...SILENT_LOG, info: note, warn: note };
  return { log, lines };
}

function member(voters: readonly bigint[], preVote = true) {
  const { log, lines } = logged();
  const config = {
    id: ONE,
    electionTicks: 10,
    heartbeatTicks: 1,
    preVote,
    appendBytesMax: 1024,
    inflightAppendsMax: 8,
    random: { below: () => 0, uint64: () => 0n, bytes: (length: number) => Buffer.alloc(length) },
    observer: new RaftLines(log, ONE),
  };
  const confState = { voters: [...voters], learners: [] };
  const raft = new Raft(config, {
    hardState: { term: 1, vote: 0n, commit: 0 },
    snapshot: { index: 0, term: 0, confState },
    entries: [],
    applied: 0,
    confState,
  });
  const settle = () => {
    while (raft.hasReady) if (raft.ready().append !== undefined) raft.appended();
  };
  const step = (message: Partial<Message> & Pick<Message, "type" | "from" | "term">) => {
    raft.step({
      to: ONE,
      logTerm: 0,
      index: 0,
      entries: [],
      commit: 0,
      reject: false,
      rejectHint: 0,
      context: Buffer.alloc(0),
      ...message,
    });
    settle();
  };
  const pass = (ticks: number) => {
    for (let count = 0; count < ticks; count++) raft.tick();
    settle();
  };
  return { raft, lines, step, pass, settle };
}

test("an election alone is told as etcd's raft tells it", () => {
  const { raft, lines, settle } = member([ONE]);
  raft.campaign();
  settle();
  expect(lines).toEqual([
    "1 is starting a new election at term 1",
    "1 became pre-candidate at term 1",
    "1 received MsgPreVoteResp from 1 at term 1",
    "1 became candidate at term 2",
    "1 received MsgVoteResp from 1 at term 2",
    "1 became leader at term 2",
  ]);
});

test("votes that are asked for and come are told, and a leader without its voters", () => {
  const { lines, step, pass } = member([ONE, TWO, THREE]);
  pass(10);
  step({ type: MessageType.PRE_VOTE_RESPONSE, from: TWO, term: 2 });
  step({ type: MessageType.VOTE_RESPONSE, from: THREE, term: 2, reject: true });
  step({ type: MessageType.VOTE_RESPONSE, from: TWO, term: 2 });
  expect(lines).toEqual([
    "1 is starting a new election at term 1",
    "1 became pre-candidate at term 1",
    "1 [logterm: 0, index: 0] sent MsgPreVote request to ab at term 1",
    "1 [logterm: 0, index: 0] sent MsgPreVote request to dea2b14227832d31 at term 1",
    "1 received MsgPreVoteResp from 1 at term 1",
    "1 received MsgPreVoteResp from ab at term 1",
    "1 became candidate at term 2",
    "1 [logterm: 0, index: 0] sent MsgVote request to ab at term 2",
    "1 [logterm: 0, index: 0] sent MsgVote request to dea2b14227832d31 at term 2",
    "1 received MsgVoteResp from 1 at term 2",
    "1 received MsgVoteResp rejection from dea2b14227832d31 at term 2",
    "1 received MsgVoteResp from ab at term 2",
    "1 became leader at term 2",
  ]);
  lines.length = 0;
  pass(10);
  expect(lines).toEqual([
    "1 stepped down to follower since quorum is not active",
    "1 became follower at term 2",
  ]);
});

test("what others ask for is told with the judgement", () => {
  const { lines, step } = member([ONE, TWO, THREE]);
  step({ type: MessageType.VOTE, from: TWO, term: 2, index: 3, logTerm: 1 });
  step({ type: MessageType.VOTE, from: THREE, term: 2, index: 3, logTerm: 1 });
  step({ type: MessageType.HEARTBEAT, from: TWO, term: 2 });
  step({ type: MessageType.PRE_VOTE, from: THREE, term: 3, index: 3, logTerm: 1 });
  expect(lines).toEqual([
    "1 [term: 1] received a MsgVote message with higher term from ab [term: 2]",
    "1 became follower at term 2",
    "1 [logterm: 0, index: 0, vote: 0] cast MsgVote for ab [logterm: 1, index: 3] at term 2",
    "1 [logterm: 0, index: 0, vote: ab] rejected MsgVote from dea2b14227832d31 " +
      "[logterm: 1, index: 3] at term 2",
    "1 [logterm: 0, index: 0, vote: ab] ignored MsgPreVote from dea2b14227832d31 " +
      "[logterm: 1, index: 3] at term 2: lease is not expired (remaining ticks: 10)",
  ]);
});

test("the leader is told in etcd's three forms, and ids keep all their digits", () => {
  const { log, lines } = logged();
  logLeader(log, ONE, { before: 0n, now: TWO, term: 2 });
  logLeader(log, ONE, { before: TWO, now: TWO, term: 3 });
  logLeader(log, ONE, { before: TWO, now: THREE, term: 3 });
  logLeader(log, ONE, { before: THREE, now: 0n, term: 4 });
  logConfiguration(log, ONE, { voters: [THREE, ONE], learners: [TWO] });
  const confState = { voters: [THREE, ONE], learners: [] };
  logRaftStart(log, {
    id: ONE,
    term: 2,
    commit: 9,
    applied: 8,
    lastIndex: 10,
    lastTerm: 2,
    confState,
  });
  expect(lines).toEqual([
    "raft.node: 1 elected leader ab at term 2",
    "raft.node: 1 changed leader from ab to dea2b14227832d31 at term 3",
    "raft.node: 1 lost leader dea2b14227832d31 at term 4",
    "1 switched to configuration voters=(1 16042579720335994161) learners=(171)",
    "1 switched to configuration voters=(1 16042579720335994161)",
    "1 became follower at term 2",
    "newRaft 1 [peers: [1,dea2b14227832d31], term: 2, commit: 9, applied: 8, " +
      "lastindex: 10, lastterm: 2]",
  ]);
});
