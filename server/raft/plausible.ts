import { type Entry, EntryType, type SnapshotMetadata } from "./entry.ts";
import { type Message, MessageType } from "./message.ts";

/** Terms beyond it come from no election: counting up from there must never leave the safe integers. */
const TERM_MAX = 2 ** 52;
/**
 * No election leads so far ahead of a member that was ever in one: it would be one a second for two
 * years. A forged message must not use up the terms that there are, for nobody can go back.
 */
const TERM_LEAP_MAX = 2 ** 26;
const INDEX_MAX = 2 ** 52;

/**
 * Could a correct member of some cluster have sent this to `id`? What could not is dropped, so that
 * the rest of the core may rely on numbers, order of entries and the presence of parts. Whether it
 * fits our log is judged later.
 * @param ownTerm 0 for a member that has just begun
 */
export function isPlausible(message: Message, id: bigint, ownTerm: number): boolean {
  if (ownTerm > 0 && message.term - ownTerm > TERM_LEAP_MAX) return false;
  if (message.to !== id || message.from <= 0n) return false;
  // Only what this member proposed may come back: from one that took it for the leader.
  if (message.from === id && message.type !== MessageType.PROPOSAL) return false;
  const hasSaneNumbers =
    isCount(message.term, TERM_MAX) &&
    isCount(message.logTerm, TERM_MAX) &&
    isCount(message.index, INDEX_MAX) &&
    isCount(message.commit, INDEX_MAX) &&
    isCount(message.rejectHint, INDEX_MAX);
  if (!hasSaneNumbers) return false;
  switch (message.type) {
    case MessageType.PROPOSAL:
      return message.entries.length > 0 && message.entries.every(hasKnownType);
    case MessageType.READ_INDEX:
      return message.entries.length === 1;
    case MessageType.READ_INDEX_RESPONSE:
      return message.term > 0 && message.entries.length === 1;
    case MessageType.APPEND:
      return message.logTerm <= message.term && areConsecutive(message);
    case MessageType.SNAPSHOT:
      return message.snapshot !== undefined && isSnapshot(message.snapshot, message.term);
    case MessageType.APPEND_RESPONSE:
    case MessageType.VOTE:
    case MessageType.VOTE_RESPONSE:
    case MessageType.HEARTBEAT:
    case MessageType.HEARTBEAT_RESPONSE:
    case MessageType.TRANSFER_LEADER:
    case MessageType.TIMEOUT_NOW:
    case MessageType.PRE_VOTE:
    case MessageType.PRE_VOTE_RESPONSE:
      return message.term > 0;
    default:
      return false;
  }
}

function isCount(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

function hasKnownType(entry: Entry): boolean {
  return entry.type === EntryType.NORMAL || entry.type === EntryType.CONF_CHANGE;
}

function areConsecutive(message: Message): boolean {
  let index = message.index;
  let term = message.logTerm;
  for (const entry of message.entries) {
    if (entry.index !== index + 1 || !(entry.term >= term) || !hasKnownType(entry)) return false;
    if (!Number.isInteger(entry.term) || entry.term === 0) return false;
    index = entry.index;
    term = entry.term;
  }
  return term <= message.term && message.term > 0 && index <= INDEX_MAX;
}

function isSnapshot(snapshot: SnapshotMetadata, term: number): boolean {
  return (
    isCount(snapshot.index, INDEX_MAX) &&
    isCount(snapshot.term, TERM_MAX) &&
    snapshot.index > 0 &&
    snapshot.term > 0 &&
    snapshot.term <= term &&
    snapshot.confState.voters.length > 0
  );
}
