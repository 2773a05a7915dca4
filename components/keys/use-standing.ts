"use client";

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { overviewQuery } from "@/lib/browser/clusters";
import { nameOf, quorumDoubt } from "@/lib/browser/verdict";
import { hexOfDecimal } from "@/lib/schema/bytes";

export interface Standing {
  /** False as soon as the cluster is known to have none. */
  readonly hasQuorum: boolean;
  /** Why nothing can be written now, or null. */
  readonly refusal: string | null;
  /** What a member is called, by its id in decimal. */
  readonly memberName: (id: string) => string;
  /** When the cluster was last looked at, as an ISO time. */
  readonly checkedAt: string | undefined;
  /** The newest that any member had then; null when none told. */
  readonly revision: string | null;
}

const REFUSAL = "Nothing can be written while the cluster has no quorum.";

/** Whether what the keys page shows may be believed, and whether it may be changed. */
export function useStanding(cluster: string): Standing {
  const { data, isError } = useQuery(overviewQuery(cluster));
  const overview = isError ? undefined : data?.overview;
  return useMemo(() => {
    const hasQuorum = overview?.quorum.hasQuorum ?? true;
    const memberName = (id: string) => {
      const member = overview?.members.find((each) => each.id === id);
      return member === undefined ? `member ${hexOfDecimal(id)}` : nameOf(member);
    };
    const doubt = overview === undefined ? null : quorumDoubt(overview);
    const why = doubt === null ? REFUSAL : `Nothing can be written. ${doubt.title}.`;
    const refusal = hasQuorum ? null : why;
    const { checkedAt, revision = null } = overview ?? {};
    return { hasQuorum, refusal, memberName, checkedAt, revision };
  }, [overview]);
}
