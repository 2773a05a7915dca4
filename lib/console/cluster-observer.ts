// One look at a cluster. Every member is asked by itself, all at once, each with its own deadline;
// one that is down, slow or cut off makes its own line worse and nobody else's. Whether there is a
// quorum is not guessed from that but proven by a linearizable read.

import type { EtcdClient } from "../etcd/client.ts";
import { ClusterError } from "../etcd/cluster-error.ts";
import { range } from "../etcd/kv.ts";
import { type MemberReport, statusOf } from "../etcd/maintenance.ts";
import { type MemberRecord, memberList } from "../etcd/members.ts";
import type { ApiError } from "../schema/errors.ts";
import type {
  Alarm,
  MemberHealth,
  MemberStatus,
  OverviewMember,
  OverviewReply,
} from "../schema/overview.ts";
import type { KnownMembers } from "./member-memory.ts";
import { agreedLeader, type QuorumProof, quorumOf } from "./quorum.ts";

const STATUS_MS = 2_000;
const QUORUM_MS = 4_500;
const LIST_MS = 3_000;
const SLOW_ABOVE_MS = 500;
/** Of the addresses that one member advertises; all at once, so that a look ends within 5 s. */
const URLS_ASKED_MAX = 8;
/** One look serves all who ask while it lasts and for this long after it: tabs cost nothing. */
const SHARED_MS = 700;

interface Answer {
  readonly report: MemberReport;
  readonly latencyMs: number;
}

interface Probe {
  readonly endpoint: string;
  readonly answer: Answer | undefined;
  readonly error: ClusterError | undefined;
}

interface MemberSource {
  readonly members: readonly MemberRecord[];
  readonly source: OverviewReply["membership"]["source"];
  readonly ageMs: number;
}

interface FoundMember {
  readonly record: MemberRecord;
  /** Of the address that leads to it; undefined where it has none. */
  readonly probe: Probe | undefined;
}

interface Look {
  readonly overview: Omit<OverviewReply, "ageMs">;
  /** When it ended, by the monotonic clock. */
  readonly at: number;
}

/** Where the member list outlives the console. */
export interface Memory {
  load(): KnownMembers | undefined;
  save(known: KnownMembers): void;
}

/** Looks at one cluster, and remembers what a look may need when the cluster says nothing. */
export class ClusterObserver {
  readonly #client: EtcdClient;
  readonly #memory: Memory;
  #known: KnownMembers | undefined;
  /** By the monotonic clock, as all that is compared here: the system's may step back. */
  readonly #lastSeen = new Map<string, number>();
  /** Which member answered behind a URL, for when it does not any more. */
  readonly #behind = new Map<string, bigint>();
  #last: { readonly look: Promise<Look>; readonly endedAt: number } | undefined;

  constructor(client: EtcdClient, memory: Memory) {
    this.#client = client;
    this.#memory = memory;
    this.#known = memory.load();
  }

  async look(): Promise<OverviewReply> {
    const { overview, at } = await this.#sharedLook();
    return { ...overview, ageMs: Math.round(performance.now() - at) };
  }

  #sharedLook(): Promise<Look> {
    const last = this.#last;
    if (last !== undefined && performance.now() - last.endedAt < SHARED_MS) return last.look;
    const next = { look: this.#look(), endedAt: Number.POSITIVE_INFINITY };
    const end = (): void => {
      next.endedAt = performance.now();
    };
    next.look.then(end, end);
    this.#last = next;
    return next.look;
  }

  async #look(): Promise<Look> {
    const [{ list, found }, proof] = await Promise.all([this.#find(), this.#prove()]);
    const reports = found.flatMap(({ probe }) => probe?.answer?.report ?? []);
    const furthestCommit = Math.max(0, ...reports.map(({ raftIndex }) => raftIndex));
    const members = found.map((member) => this.#described(member, furthestCommit));
    const answered = members.flatMap(({ status }) => (status === null ? [] : [status]));
    const leaderId = agreedLeader(members);
    const overview = {
      clusterId: this.#known === undefined ? null : String(this.#known.clusterId),
      checkedAt: new Date().toISOString(),
      slowAboveMs: SLOW_ABOVE_MS,
      revision: largest(answered.map(({ revision }) => revision)),
      raftTerm: largest(answered.map(({ raftTerm }) => raftTerm)),
      leaderId,
      quorum: quorumOf(members, proof),
      members: members.map((member) => ({ ...member, role: roleOf(member, leaderId) })),
      membership: { source: list.source, ageMs: list.ageMs },
      alarms: alarmsIn(reports, members, leaderId),
    };
    return { overview, at: performance.now() };
  }

  /** Who belongs to the cluster, each with the answer of its own. */
  async #find(): Promise<{ list: MemberSource; found: readonly FoundMember[] }> {
    const [list, probes] = await Promise.all([
      this.#memberList(),
      Promise.all(this.#addresses().map((address) => this.#probe(address))),
    ]);
    const found =
      list.members.length === 0
        ? probes.map((probe) => ({ record: this.#withoutRecord(probe), probe }))
        : await Promise.all(
            list.members.map(async (record) => ({
              record,
              probe: await this.#probeOf(record, probes),
            })),
          );
    return { list, found };
  }

  /**
   * Our endpoints, and what is known to lead to members besides. Lags are told from answers of one
   * moment: a member that was asked seconds later would make the others seem to lag.
   */
  #addresses(): readonly string[] {
    const { endpoints } = this.#client;
    const others = (this.#known?.members ?? []).flatMap(({ ID, clientURLs }) =>
      clientURLs.filter(
        (url) =>
          this.#behind.get(url) === ID && !endpoints.some((endpoint) => sameAddress(endpoint, url)),
      ),
    );
    return [...endpoints, ...others];
  }

  async #memberList(): Promise<MemberSource> {
    try {
      const { members, clusterId } = await memberList(this.#client, { deadlineMs: LIST_MS });
      this.#known = { clusterId, members, at: Date.now() };
      this.#memory.save(this.#known);
      return { members, source: "live", ageMs: 0 };
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      if (this.#known === undefined) return { members: [], source: "endpoints", ageMs: 0 };
      const { members, at } = this.#known;
      return { members, source: "remembered", ageMs: Math.max(0, Date.now() - at) };
    }
  }

  async #probe(endpoint: string): Promise<Probe> {
    const startedAt = performance.now();
    try {
      const report = await statusOf(this.#client, endpoint, { deadlineMs: STATUS_MS });
      const latencyMs = Math.round((performance.now() - startedAt) * 10) / 10;
      this.#behind.set(endpoint, report.memberId);
      this.#lastSeen.set(String(report.memberId), performance.now());
      return { endpoint, answer: { report, latencyMs }, error: undefined };
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      return { endpoint, answer: undefined, error };
    }
  }

  async #prove(): Promise<QuorumProof> {
    const startedAt = performance.now();
    try {
      await range(
        this.#client,
        { key: Buffer.from([0]), countOnly: true },
        { deadlineMs: QUORUM_MS },
      );
      const readLatencyMs = Math.round((performance.now() - startedAt) * 10) / 10;
      return { readLatencyMs, error: null };
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      // A refusal for want of permission comes behind the read barrier: the quorum has spoken.
      if (error.code === "etcd-permission-denied") {
        return { readLatencyMs: Math.round(performance.now() - startedAt), error: null };
      }
      return { readLatencyMs: null, error: apiError(error) };
    }
  }

  /** Its endpoint of ours if one leads to it, else the addresses that it advertises itself. */
  async #probeOf(record: MemberRecord, probes: readonly Probe[]): Promise<Probe | undefined> {
    const answered = probes.find(({ answer }) => answer?.report.memberId === record.ID);
    if (answered !== undefined) return answered;
    const failed = probes.find(
      ({ answer, endpoint }) =>
        answer === undefined &&
        (this.#behind.get(endpoint) === record.ID ||
          record.clientURLs.some((url) => sameAddress(url, endpoint))),
    );
    const others = record.clientURLs
      .filter((url) => !probes.some(({ endpoint }) => sameAddress(endpoint, url)))
      .slice(0, URLS_ASKED_MAX)
      .map((url) => this.#probe(url));
    const own = await firstOf(others, ({ answer }) => answer?.report.memberId === record.ID);
    if (own !== undefined) return own;
    return failed ?? (await Promise.all(others)).find(({ answer }) => answer === undefined);
  }

  #described({ record, probe }: FoundMember, furthestCommit: number): OverviewMember {
    const answer = probe?.answer;
    const isUnstarted = record.name === "" && record.clientURLs.length === 0;
    const seen = this.#lastSeen.get(String(record.ID));
    return {
      id: String(record.ID),
      name: record.name,
      role: "unknown",
      isLearner: record.isLearner,
      health: isUnstarted && answer === undefined ? "unstarted" : healthOf(probe),
      peerUrls: record.peerURLs,
      clientUrls: record.clientURLs,
      endpoint: probe?.endpoint ?? null,
      status: answer === undefined ? null : statusFrom(answer, furthestCommit),
      error: probe?.error === undefined ? null : apiError(probe.error),
      lastSeen: seen === undefined ? null : systemTime(seen),
    };
  }

  /** Before any member list is known, each endpoint stands for a member. */
  #withoutRecord({ answer, endpoint }: Probe): MemberRecord {
    return {
      ID: answer?.report.memberId ?? this.#behind.get(endpoint) ?? 0n,
      name: "",
      peerURLs: [],
      clientURLs: [endpoint],
      isLearner: answer?.report.isLearner ?? false,
    };
  }
}

function statusFrom({ report, latencyMs }: Answer, furthestCommit: number): MemberStatus {
  return {
    version: report.version,
    latencyMs,
    dbSizeBytes: report.dbSize,
    dbSizeInUseBytes: report.dbSizeInUse,
    dbQuotaBytes: report.dbSizeQuota > 0 ? report.dbSizeQuota : null,
    raftTerm: String(report.raftTerm),
    raftIndex: String(report.raftIndex),
    appliedIndex: String(report.raftAppliedIndex),
    applyLag: Math.max(0, report.raftIndex - report.raftAppliedIndex),
    commitLag: Math.max(0, furthestCommit - report.raftIndex),
    revision: String(report.revision),
    leaderId: report.leader === 0n ? null : String(report.leader),
    errors: report.errors,
  };
}

function healthOf(probe: Probe | undefined): MemberHealth {
  if (probe === undefined) return "unreachable";
  if (probe.answer !== undefined) return probe.answer.latencyMs > SLOW_ABOVE_MS ? "slow" : "up";
  switch (probe.error?.code) {
    case "timeout":
      return "timeout";
    case "unreachable":
    case "dns":
    case "tls":
      return "unreachable";
    default:
      return "error";
  }
}

function roleOf(member: OverviewMember, leaderId: string | null): OverviewMember["role"] {
  if (member.isLearner) return "learner";
  if (member.status === null) return "unknown";
  if (member.id === leaderId) return "leader";
  return member.status.leaderId === null ? "unknown" : "follower";
}

/**
 * Of all together whose word is fresh, as one that lags may not know of one; null when none answers.
 * Who is cut off goes on telling what was disarmed long ago, and a learner that is cut off goes on
 * naming its leader too. Without a voter that follows the leader all count.
 */
function alarmsIn(
  reports: readonly MemberReport[],
  members: readonly OverviewMember[],
  leaderId: string | null,
): Alarm[] | null {
  if (reports.length === 0) return null;
  const fresh = reports.filter(
    ({ isLearner, leader }) => !isLearner && String(leader) === leaderId,
  );
  const heard = fresh.length === 0 ? reports : fresh;
  const found = new Map<string, Alarm>();
  for (const { memberId, alarm } of heard.flatMap(({ alarms }) => alarms)) {
    const id = String(memberId);
    const memberName = members.find((member) => member.id === id)?.name ?? "";
    found.set(`${id} ${alarm}`, { memberId: id, memberName, alarm });
  }
  return [...found.values()];
}

/** The first to come for which it holds, not waiting for those behind it; undefined for none. */
function firstOf<T>(
  coming: readonly Promise<T>[],
  holds: (one: T) => boolean,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const seen = coming.map(async (one) => {
      const value = await one;
      if (holds(value)) resolve(value);
    });
    Promise.all(seen).then(() => resolve(undefined), reject);
  });
}

function apiError(error: ClusterError): ApiError {
  return { code: error.code, message: error.message };
}

function largest(decimals: readonly string[]): string | null {
  const numbers = decimals.map(BigInt);
  return numbers.length === 0 ? null : String(numbers.reduce((a, b) => (a > b ? a : b)));
}

function sameAddress(a: string, b: string): boolean {
  return a.replace(/\/$/, "") === b.replace(/\/$/, "");
}

/** What the system's clock would have told then, as an ISO time. */
function systemTime(monotonicMs: number): string {
  return new Date(Date.now() - (performance.now() - monotonicMs)).toISOString();
}
