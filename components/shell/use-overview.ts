"use client";

import { useQuery } from "@tanstack/react-query";
import { useIsOlder } from "@/components/ui/now";
import { useInViewSince } from "@/lib/browser/away";
import { OVERVIEW_STALE_MS, overviewQuery } from "@/lib/browser/clusters";
import { errorText, unanswered } from "@/lib/browser/request";
import type { OverviewReply } from "@/lib/schema/overview";

export interface OverviewNews {
  /** The last look at the cluster, however old. */
  readonly overview: OverviewReply | undefined;
  /** Why there is no news of the cluster, or null: the look is of now. */
  readonly silence: string | null;
  /** The look says nothing of now: it is awaited anew, perhaps only since the tab is in view. */
  readonly isOld: boolean;
}

/** What is known of the cluster, and whether it is still so. */
export function useOverview(cluster: string): OverviewNews {
  const { data, error, dataUpdatedAt } = useQuery(overviewQuery(cluster));
  const since = useInViewSince();
  const overview = data?.overview;
  const isOld = useIsOlder(dataUpdatedAt, OVERVIEW_STALE_MS) && overview !== undefined;
  // Nobody has asked while the tab was hidden: the console is not to blame for that time.
  const isAwaited = useIsOlder(Math.max(dataUpdatedAt, since ?? 0), OVERVIEW_STALE_MS);
  if (error !== null) return { overview, silence: errorText(error), isOld };
  const isSilent = isOld && isAwaited && since !== null;
  return { overview, silence: isSilent ? unanswered().message : null, isOld };
}
