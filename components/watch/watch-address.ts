"use client";

import { useSearchParams } from "next/navigation";
import { useCallback, useMemo } from "react";
import { DEFAULT_CLUSTER } from "@/lib/browser/clusters";
import { isRevision } from "@/lib/browser/decimal";
import { type WatchAddress, watchHref } from "@/lib/browser/page-address";
import { readRange, type WatchRange } from "@/lib/browser/watch-range";

export interface WatchLocation {
  readonly address: WatchAddress;
  /** Null until the address says what to watch. */
  readonly target: WatchTarget | null;
  readonly problem: string | null;
  readonly go: (address: Omit<WatchAddress, "cluster">) => void;
}

export interface WatchTarget {
  readonly cluster: string;
  readonly range: WatchRange;
  /** First revision to show; undefined is from now on. */
  readonly revision: string | undefined;
  readonly only: "put" | "delete" | undefined;
}

export function useWatchLocation(): WatchLocation {
  const text = useSearchParams().toString();
  const read = useMemo(() => readAddress(new URLSearchParams(text)), [text]);
  const { cluster } = read.address;
  const go = useCallback(
    (address: Omit<WatchAddress, "cluster">) => {
      window.history.pushState(null, "", watchHref({ cluster, ...address }));
    },
    [cluster],
  );
  return { ...read, go };
}

function readAddress(params: URLSearchParams): Omit<WatchLocation, "go"> {
  const cluster = params.get("cluster") ?? DEFAULT_CLUSTER;
  const read = readRange(params);
  const revision = params.get("revision") ?? undefined;
  const only = onlyOf(params.get("only"));
  const base = { cluster };
  if (!read.ok) return { address: base, target: null, problem: read.error };
  if (revision !== undefined && !isRevision(revision)) {
    const problem = "The revision in the address is not a number from 1 on.";
    return { address: base, target: null, problem };
  }
  const { range } = read;
  if (range === null) return { address: base, target: null, problem: null };
  const target = { cluster, range, revision, only };
  return { address: target, target, problem: null };
}

function onlyOf(text: string | null): "put" | "delete" | undefined {
  return text === "put" || text === "delete" ? text : undefined;
}
