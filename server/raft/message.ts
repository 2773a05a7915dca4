import { EMPTY_BYTES } from "../base/bytes.ts";
import type { Entry, SnapshotMetadata } from "./entry.ts";

/** raftpb.MessageType; the numbers are etcd's. Local-only types of etcd's library are absent. */
export const MessageType = {
  PROPOSAL: 2,
  APPEND: 3,
  APPEND_RESPONSE: 4,
  VOTE: 5,
  VOTE_RESPONSE: 6,
  SNAPSHOT: 7,
  HEARTBEAT: 8,
  HEARTBEAT_RESPONSE: 9,
  TRANSFER_LEADER: 13,
  TIMEOUT_NOW: 14,
  READ_INDEX: 15,
  READ_INDEX_RESPONSE: 16,
  PRE_VOTE: 17,
  PRE_VOTE_RESPONSE: 18,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/** raftpb.Message with plain values; which fields mean something depends on `type`. */
export interface Message {
  readonly type: MessageType;
  readonly to: bigint;
  readonly from: bigint;
  /** 0 for PROPOSAL and READ_INDEX, which belong to no term. */
  readonly term: number;
  readonly logTerm: number;
  readonly index: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
  readonly snapshot?: SnapshotMetadata;
  readonly reject: boolean;
  readonly rejectHint: number;
  /** Read index context, or the mark of a campaign by leader transfer. Empty: absent. */
  readonly context: Buffer;
}

/** From nobody to nobody, and says nothing. */
export const BLANK_MESSAGE: Message = {
  type: MessageType.HEARTBEAT,
  to: 0n,
  from: 0n,
  term: 0,
  logTerm: 0,
  index: 0,
  entries: [],
  commit: 0,
  reject: false,
  rejectHint: 0,
  context: EMPTY_BYTES,
};
