"use client";

import { useSearchParams } from "next/navigation";
import { useCallback, useMemo } from "react";
import { DEFAULT_CLUSTER } from "@/lib/browser/clusters";
import { isRevision } from "@/lib/browser/decimal";
import { encodeUtf8, equalBytes, parseKey } from "@/lib/browser/key-text";
import { DEFAULT_SEPARATOR, type KeysAddress, keysHref } from "@/lib/browser/page-address";

const KEYS_PATH = "/keys";

export interface OpenKeys extends KeysAddress {
  readonly separator: Uint8Array;
}

export interface KeysLocation {
  readonly address: OpenKeys;
  /** What in the address could not be understood, and was left out. */
  readonly problem: string | null;
  /** Changes the address in place; what is not named stays. */
  readonly go: (change: Partial<KeysAddress>) => void;
  /** Opens a key that was created, if the page still shows the present of its cluster by now. */
  readonly show: (key: Uint8Array) => void;
  /** Leaves a key that is no more, if the page still shows its present by now. */
  readonly close: (key: Uint8Array) => void;
}

/** What the keys page shows is what its address says, nothing else. */
export function useKeysLocation(): KeysLocation {
  const params = useSearchParams();
  const text = params.toString();
  const { address, problem } = useMemo(() => readAddress(new URLSearchParams(text)), [text]);
  const go = useCallback(
    (change: Partial<KeysAddress>) => {
      const href = keysHref({ ...address, ...change });
      window.history.pushState(null, "", href);
    },
    [address],
  );
  const { cluster } = address;
  const show = useCallback(
    (key: Uint8Array) => {
      const now = presentOf(cluster);
      if (now === null) return;
      window.history.pushState(null, "", keysHref({ ...now, key, folder: undefined }));
    },
    [cluster],
  );
  const close = useCallback(
    (key: Uint8Array) => {
      const now = presentOf(cluster);
      if (now?.key === undefined || !equalBytes(now.key, key)) return;
      window.history.pushState(null, "", keysHref({ ...now, key: undefined }));
    },
    [cluster],
  );
  return { address, problem, go, show, close };
}

/** What the tab's address says now; null where it is not of the cluster's present. */
function presentOf(cluster: string): OpenKeys | null {
  const { pathname, search } = window.location;
  const { address } = readAddress(new URLSearchParams(search));
  const isHere = pathname === KEYS_PATH && address.cluster === cluster;
  return isHere && address.revision === undefined ? address : null;
}

function readAddress(params: URLSearchParams): Pick<KeysLocation, "address" | "problem"> {
  const problems: string[] = [];
  const bytes = (name: string): Uint8Array | undefined => {
    const text = params.get(name);
    if (text === null) return undefined;
    const parsed = parseKey(text);
    if (parsed.ok) return parsed.bytes;
    problems.push(`The ${name} in the address is not understood. ${parsed.error}`);
    return undefined;
  };
  const revision = params.get("revision") ?? undefined;
  const isKnown = revision === undefined || isRevision(revision);
  if (!isKnown) problems.push("The revision in the address is not a number from 1 on.");
  const separator = bytes("separator");
  const isEmpty = separator === undefined || separator.length === 0;
  const address = {
    cluster: params.get("cluster") ?? DEFAULT_CLUSTER,
    separator: isEmpty ? encodeUtf8(DEFAULT_SEPARATOR) : separator,
    revision: isKnown ? revision : undefined,
    folder: bytes("folder"),
    key: bytes("key"),
  };
  return { address, problem: problems[0] ?? null };
}
