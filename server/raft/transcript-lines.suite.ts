// What members do, as lines of a transcript.
import { must } from "../base/assert.ts";
import { type Entry, EntryType } from "./entry.ts";
import { type Message, MessageType } from "./message.ts";
import type { Ready } from "./ready.ts";

export const TYPE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(MessageType).map(([name, number]) => [number, name]),
);

export function describeReady({ messages, committed, readStates, append }: Ready): string[] {
  const lines = messages.map((message) => `send ${describe(message)}`);
  if (append !== undefined) {
    const { hardState, snapshot, entries, mustSync } = append;
    const parts: string[] = [];
    if (snapshot !== undefined) parts.push(`snapshot ${snapshot.index}@${snapshot.term}`);
    if (entries.length > 0) parts.push(describeEntries(entries));
    if (hardState !== undefined) {
      parts.push(`term ${hardState.term} vote ${hardState.vote} commit ${hardState.commit}`);
    }
    lines.push(`write ${parts.join(", ")}${mustSync ? "" : " (no sync)"}`);
    lines.push(...append.messages.map((message) => `then send ${describe(message)}`));
  }
  if (committed.length > 0) lines.push(`apply ${describeEntries(committed)}`);
  for (const { index, context } of readStates) lines.push(`read ${context.toString()} at ${index}`);
  return lines;
}

function describeEntries(entries: readonly Entry[]): string {
  const texts = entries.map(({ type, term, index, data }) => {
    const text = data.length === 0 ? "" : ` ${data.toString()}`;
    return `${index}@${term}${type === EntryType.CONF_CHANGE ? " change:" : ""}${text}`;
  });
  return `[${texts.join(", ")}]`;
}

export function describe(message: Message): string {
  const { type, from, to, term, index, logTerm, entries, commit, reject, rejectHint } = message;
  const head = `${from}→${to} ${TYPE_NAMES.get(type)}${term === 0 ? "" : ` term ${term}`}`;
  const place = `${index}@${logTerm}`;
  const verdict = reject ? " no" : " yes";
  const context = message.context.length === 0 ? "" : ` context ${describeContext(message)}`;
  switch (type) {
    case MessageType.APPEND:
      return `${head} after ${place} ${describeEntries(entries)} commit ${commit}`;
    case MessageType.APPEND_RESPONSE:
      if (!reject) return `${head} has ${index}`;
      return `${head} no, not after ${index}, perhaps ${rejectHint}@${logTerm}`;
    case MessageType.VOTE:
    case MessageType.PRE_VOTE:
      return `${head} log ends ${place}${context}`;
    case MessageType.VOTE_RESPONSE:
    case MessageType.PRE_VOTE_RESPONSE:
      return head + verdict;
    case MessageType.HEARTBEAT:
    case MessageType.HEARTBEAT_RESPONSE:
      return `${head}${type === MessageType.HEARTBEAT ? ` commit ${commit}` : ""}${context}`;
    case MessageType.SNAPSHOT: {
      const snapshot = must(message.snapshot, "a snapshot message has its metadata");
      const { voters, learners } = snapshot.confState;
      const members = [...voters, ...learners.map((id) => `(${id})`)].join(" ");
      return `${head} ${snapshot.index}@${snapshot.term} members ${members}`;
    }
    case MessageType.READ_INDEX_RESPONSE:
      return `${head} ${entries[0]?.data.toString()} at ${index}`;
    case MessageType.READ_INDEX:
    case MessageType.PROPOSAL:
      return `${head} ${entries.map((entry) => entry.data.toString()).join(" ")}`;
    default:
      return head;
  }
}

/** Read numbers are binary; the mark of a transfer is text. */
function describeContext({ context }: Message): string {
  return context.length === 8 ? `${context.readBigUInt64BE(0)}` : context.toString();
}
