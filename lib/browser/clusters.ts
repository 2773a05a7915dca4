import { queryOptions } from "@tanstack/react-query";
import { ClustersReply } from "../schema/clusters.ts";
import { type MemberStatus, OverviewReply } from "../schema/overview.ts";
import { SessionReply } from "../schema/session.ts";
import { request } from "./request.ts";

/** The cluster that the console was started with. */
export const DEFAULT_CLUSTER = "local";
const OVERVIEW_POLL_MS = 2_000;
/**
 * A look that is older says nothing of now. Without quorum the console takes up to 7 s for one, and
 * the next begins within a poll.
 */
export const OVERVIEW_STALE_MS = 12_000;

export function clusterPath(cluster: string, rest: string): string {
  return `/api/clusters/${encodeURIComponent(cluster)}/${rest}`;
}

export function clustersQuery() {
  return queryOptions({
    queryKey: ["clusters"],
    queryFn: ({ signal }) => request(ClustersReply, "/api/clusters", { signal }),
    staleTime: 60_000,
  });
}

export interface KnownStatus {
  readonly status: MemberStatus;
  /** ISO time of the look that it comes from. */
  readonly seenAt: string;
}

/** One look at the cluster, and the last that was heard of each member by its id. */
export interface OverviewLook {
  readonly overview: OverviewReply;
  readonly known: Readonly<Record<string, KnownStatus>>;
}

/** One look every two seconds, shared by everything on the page. */
export function overviewQuery(cluster: string) {
  return queryOptions({
    queryKey: ["overview", cluster],
    queryFn: async ({ signal, client, queryKey }): Promise<OverviewLook> => {
      const path = clusterPath(cluster, "overview");
      const overview = await request(OverviewReply, path, { signal, limitMs: OVERVIEW_STALE_MS });
      const last = client.getQueryData<OverviewLook>(queryKey);
      return nextLook(last, inOwnTime(overview, Date.now()));
    },
    refetchInterval: OVERVIEW_POLL_MS,
    // A hidden tab does not look: what it has is old by the time it is seen again.
    refetchOnWindowFocus: "always",
    retry: false,
  });
}

/**
 * The same look with its times by this browser's clock: the console's may be minutes off, and how
 * long ago something was is what is shown.
 *
 * @param nowMs when it came, in ms since 1970
 */
export function inOwnTime(overview: OverviewReply, nowMs: number): OverviewReply {
  const shiftMs = nowMs - overview.ageMs - Date.parse(overview.checkedAt);
  const shifted = (time: string) => new Date(Date.parse(time) + shiftMs).toISOString();
  const members = overview.members.map((member) => {
    const { lastSeen } = member;
    return lastSeen === null ? member : { ...member, lastSeen: shifted(lastSeen) };
  });
  return { ...overview, checkedAt: shifted(overview.checkedAt), members };
}

/** Silent members keep what they said last; members that left the cluster are forgotten. */
export function nextLook(last: OverviewLook | undefined, overview: OverviewReply): OverviewLook {
  const known: Record<string, KnownStatus> = {};
  for (const { id, status } of overview.members) {
    const before = last?.known[id];
    if (status !== null) known[id] = { status, seenAt: overview.checkedAt };
    else if (before !== undefined) known[id] = before;
  }
  const members = overview.members.toSorted((a, b) => a.name.localeCompare(b.name, "en"));
  return { overview: { ...overview, members }, known };
}

export function sessionQuery() {
  return queryOptions({
    queryKey: ["session"],
    queryFn: ({ signal }) => request(SessionReply, "/api/session", { signal }),
    staleTime: 60_000,
  });
}
