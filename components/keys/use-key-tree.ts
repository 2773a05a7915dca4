"use client";

import { useEffect, useMemo, useSyncExternalStore } from "react";
import { formatKey, parseKey } from "@/lib/browser/key-text";
import { KeyTree, type LoadChildren, type TreeView } from "@/lib/browser/key-tree";
import { fetchChildren } from "@/lib/browser/keys";

/** The tree of a cluster at a revision; another separator or revision is another tree. */
export function useKeyTree(
  cluster: string,
  separator: Uint8Array,
  revision: string | undefined,
): { tree: KeyTree; view: TreeView } {
  // Equal bytes in another array are the same separator.
  const notation = formatKey(separator);
  const tree = useMemo(() => {
    const parsed = parseKey(notation);
    const bytes = parsed.ok ? parsed.bytes : new Uint8Array(0);
    const load: LoadChildren = (page) => fetchChildren(cluster, { ...page, separator: bytes });
    return new KeyTree(load, bytes, revision);
  }, [cluster, notation, revision]);
  useEffect(() => void tree.refresh(), [tree]);
  const view = useSyncExternalStore(tree.subscribe, tree.view, tree.view);
  return { tree, view };
}
