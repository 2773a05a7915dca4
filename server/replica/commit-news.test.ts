import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { SystemClock } from "../base/clock.ts";
import { type Entry, EntryType } from "../raft/entry.ts";
import { type Message, MessageType } from "../raft/message.ts";
import { CommitNews } from "./commit-news.ts";

const ENTRY: Entry = { type: EntryType.NORMAL, term: 1, index: 7, data: Buffer.from("data") };

function message(fields: Partial<Message>): Message {
  const { APPEND: type } = MessageType;
  const numbers = { term: 1, logTerm: 1, index: 6, commit: 6, reject: false, rejectHint: 0 };
  return { type, to: 2n, from: 1n, entries: [], context: EMPTY_BYTES, ...numbers, ...fields };
}

let told: Message[];
let news: CommitNews;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  news = new CommitNews(new SystemClock(), (messages) => told.push(...messages));
});

afterEach(() => {
  news.stop();
  vi.useRealTimers();
});

test("news without entries wait a moment, then go alone, the newest of each member", () => {
  const [old, newer, other] = [message({}), message({ commit: 7 }), message({ to: 3n })];
  expect(news.sift([old, other])).toEqual([]);
  expect(news.sift([newer])).toEqual([]);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(2);
  expect(told).toEqual([newer, other]);
  vi.advanceTimersByTime(100);
  expect(told).toHaveLength(2);
});

test("an append with entries goes at once and takes the place of news to the same member", () => {
  const other = message({ to: 3n });
  news.sift([message({}), other]);
  const append = message({ entries: [ENTRY], commit: 6 });
  expect(news.sift([append])).toEqual([append]);
  vi.advanceTimersByTime(2);
  expect(told).toEqual([other]);
});

test("everything else passes in its order", () => {
  const heartbeat = message({ type: MessageType.HEARTBEAT });
  const append = message({ entries: [ENTRY] });
  const answer = message({ type: MessageType.APPEND_RESPONSE });
  expect(news.sift([heartbeat, message({ to: 3n }), append, answer])).toEqual([
    heartbeat,
    append,
    answer,
  ]);
});

test.each([
  ["proposal", MessageType.PROPOSAL],
  ["read", MessageType.READ_INDEX],
])("a member that handed on a %s hears at once, for a while", (_what, type) => {
  news.heard(message({ type, from: 2n, to: 1n }));
  const now = message({});
  expect(news.sift([now, message({ to: 3n })])).toEqual([now]);
  vi.advanceTimersByTime(1500);
  expect(news.sift([now])).toEqual([]);
});

test("nothing is told after the end", () => {
  news.sift([message({})]);
  news.stop();
  vi.advanceTimersByTime(100);
  expect(told).toEqual([]);
});
