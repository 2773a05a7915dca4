"use client";

import { useSearchParams } from "next/navigation";
import { useCallback, useMemo } from "react";
import { DEFAULT_CLUSTER } from "@/lib/browser/clusters";
import { isRevision } from "@/lib/browser/decimal";
import { parseKey } from "@/lib/browser/key-text";
import { type WatchAddress, watchHref } from "@/lib/browser/page-address";

export interface WatchLocation {
  readonly address: WatchAddress;
  /** Null until the address says what to watch. */
  readonly target: WatchTarget | null;
  readonly problem: string | null;
  readonly go: (address: Omit<WatchAddress, "cluster">) => void;
}

export interface WatchTarget {
  readonly cluster: string;
  readonly bytes: Uint8Array;
  readonly isPrefix: boolean;
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
  const wantsPrefix = params.get("prefix") !== null;
  const parsed = parseKey(params.get("prefix") ?? params.get("key") ?? "");
  const revision = params.get("revision") ?? undefined;
  const only = onlyOf(params.get("only"));
  const base = { cluster };
  if (!parsed.ok) {
    return { address: base, target: null, problem: `The key is not understood. ${parsed.error}` };
  }
  if (revision !== undefined && !isRevision(revision)) {
    const problem = "The revision in the address is not a number from 1 on.";
    return { address: base, target: null, problem };
  }
  const { bytes } = parsed;
  if (!wantsPrefix && bytes.length === 0) return { address: base, target: null, problem: null };
  return {
    address: { cluster, revision, only, ...(wantsPrefix ? { prefix: bytes } : { key: bytes }) },
    target: { cluster, bytes, isPrefix: wantsPrefix, revision, only },
    problem: null,
  };
}

function onlyOf(text: string | null): "put" | "delete" | undefined {
  return text === "put" || text === "delete" ? text : undefined;
}
