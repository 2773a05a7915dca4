import { beforeEach, expect, test } from "vitest";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { EntryType } from "../raft/entry.ts";
import { type Message, MessageType } from "../raft/message.ts";
import { FORWARDED_BYTES_MAX, FORWARDED_MAX, Inbox } from "./inbox.ts";

const TIMEOUT_MS = 7000;

/** Remembers the log indexes of the messages that it was handed. */
class Target {
  leader = 1n;
  readonly stepped: number[] = [];

  step({ index }: Message): void {
    this.stepped.push(index);
  }
}

function message(type: MessageType, index: number, data = EMPTY_BYTES): Message {
  return {
    type,
    to: 1n,
    from: 2n,
    term: 0,
    logTerm: 0,
    index,
    entries: [{ type: EntryType.NORMAL, term: 0, index: 0, data }],
    commit: 0,
    reject: false,
    rejectHint: 0,
    context: EMPTY_BYTES,
  };
}

const { PROPOSAL, HEARTBEAT } = MessageType;

let inbox: Inbox;
let target: Target;
let heard: number[];

beforeEach(() => {
  inbox = new Inbox(TIMEOUT_MS);
  target = new Target();
  heard = [];
});

const drain = (nowMs = 0) => inbox.drain(target, nowMs, ({ index }) => heard.push(index));

test("proposals come behind all that came with them, each kind in its order", () => {
  const types = [PROPOSAL, HEARTBEAT, PROPOSAL, HEARTBEAT];
  for (const [index, type] of types.entries()) inbox.push(message(type, index));
  drain();
  expect(target.stepped).toEqual([1, 3, 0, 2]);
  expect(heard).toEqual([0, 1, 2, 3]);
  drain();
  expect(target.stepped).toHaveLength(4);
});

test("proposals wait for a leader, which a message of the same turn may bring", () => {
  target.leader = 0n;
  inbox.push(message(PROPOSAL, 0));
  drain();
  expect(target.stepped).toEqual([]);
  target.step = ({ index }) => {
    target.leader = 3n;
    target.stepped.push(index);
  };
  inbox.push(message(HEARTBEAT, 1));
  inbox.push(message(PROPOSAL, 2));
  drain(TIMEOUT_MS - 1);
  expect(target.stepped).toEqual([1, 0, 2]);
});

test("a proposal is dropped that waited until its proposer had given up", () => {
  target.leader = 0n;
  inbox.push(message(PROPOSAL, 0));
  drain(0);
  inbox.push(message(PROPOSAL, 1));
  drain(1);
  target.leader = 1n;
  drain(TIMEOUT_MS);
  expect(target.stepped).toEqual([1]);
});

test("no more proposals wait than the limits say, and room is made when they go", () => {
  target.leader = 0n;
  for (let index = 0; index < FORWARDED_MAX; index++) inbox.push(message(PROPOSAL, index));
  drain();
  inbox.push(message(PROPOSAL, FORWARDED_MAX));
  drain();
  target.leader = 1n;
  drain();
  expect(target.stepped).toHaveLength(FORWARDED_MAX);
  target.leader = 0n;
  const half = Buffer.alloc(FORWARDED_BYTES_MAX / 2);
  for (let index = 0; index < 3; index++) inbox.push(message(PROPOSAL, index, half));
  drain();
  target.stepped.length = 0;
  target.leader = 1n;
  drain();
  expect(target.stepped).toEqual([0, 1]);
});
