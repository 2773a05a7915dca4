// GET /api/clusters/[cluster]/overview. Always 200 with as much truth as can be had: a member that
// does not answer says so with the reason, and `membership` says where the list comes from.

import { Decimal } from "./bytes.ts";
import { ApiError } from "./errors.ts";
import "./without-eval.ts";
import * as z from "zod";

export const MemberStatus = z.object({
  version: z.string(),
  /** Round trip of the Status call. */
  latencyMs: z.number(),
  dbSizeBytes: z.number(),
  dbSizeInUseBytes: z.number(),
  /** Known from etcd 3.6 on. */
  dbQuotaBytes: z.number().nullable(),
  raftTerm: Decimal,
  /** Committed. */
  raftIndex: Decimal,
  appliedIndex: Decimal,
  /** Entries committed here and not yet applied. */
  applyLag: z.number(),
  /** Committed entries that this member knows of fewer than the furthest one. */
  commitLag: z.number(),
  revision: Decimal,
  /** The member that this one takes for the leader; null for none. */
  leaderId: Decimal.nullable(),
  /** Without its alarms. */
  errors: z.array(z.string()),
});
export type MemberStatus = z.infer<typeof MemberStatus>;

/** up; slow: answered above `slowAboveMs`; timeout: connected but silent; unreachable: refused,
 * unknown host or broken TLS; error: answered with an error; unstarted: added, never started. */
export const MemberHealth = z.enum(["up", "slow", "timeout", "unreachable", "error", "unstarted"]);
export type MemberHealth = z.infer<typeof MemberHealth>;

export const OverviewMember = z.object({
  id: Decimal,
  name: z.string(),
  role: z.enum(["leader", "follower", "learner", "unknown"]),
  isLearner: z.boolean(),
  health: MemberHealth,
  peerUrls: z.array(z.string()),
  clientUrls: z.array(z.string()),
  /** The client URL that was asked; null for an unstarted member. */
  endpoint: z.string().nullable(),
  /** Null when the member did not answer. */
  status: MemberStatus.nullable(),
  /** Why there is no status. */
  error: ApiError.nullable(),
  /** ISO time of the last answer, of earlier calls too; null if never since the console runs. */
  lastSeen: z.string().nullable(),
});
export type OverviewMember = z.infer<typeof OverviewMember>;

export const Quorum = z.object({
  /** Proven by a linearizable read just now. */
  hasQuorum: z.boolean(),
  voters: z.number(),
  /** Voters that answer and follow the leader. */
  healthyVoters: z.number(),
  /** Voters that a decision needs. */
  needed: z.number(),
  /** How many of the healthy voters can be lost now without losing quorum. */
  canLose: z.number(),
  /** How many could be lost were all voters healthy. */
  canLoseAtBest: z.number(),
  /** The proving read: its time, or why it failed. */
  readLatencyMs: z.number().nullable(),
  error: ApiError.nullable(),
});
export type Quorum = z.infer<typeof Quorum>;

export const Alarm = z.object({
  /** 0 when etcd does not tell. */
  memberId: Decimal,
  /** Empty when it is not known. */
  memberName: z.string(),
  alarm: z.enum(["NOSPACE", "CORRUPT", "UNKNOWN"]),
});
export type Alarm = z.infer<typeof Alarm>;

export const OverviewReply = z.object({
  /** Null when no member has answered yet. */
  clusterId: Decimal.nullable(),
  /** ISO time of this look. */
  checkedAt: z.string(),
  /** How old it was when the reply left, by a clock that never steps back. */
  ageMs: z.number(),
  slowAboveMs: z.number(),
  /** The newest revision that a member reports; null when none answers. */
  revision: Decimal.nullable(),
  raftTerm: Decimal.nullable(),
  /** Of the newest term in which a member names one; null when none does. */
  leaderId: Decimal.nullable(),
  quorum: Quorum,
  members: z.array(OverviewMember),
  membership: z.object({
    /** live: a member just told; remembered: the last known list; endpoints: never known. */
    source: z.enum(["live", "remembered", "endpoints"]),
    ageMs: z.number(),
  }),
  /** Known to any member that answers; null when none does. */
  alarms: z.array(Alarm).nullable(),
});
export type OverviewReply = z.infer<typeof OverviewReply>;
