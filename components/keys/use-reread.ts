"use client";

import { useEffect } from "react";
import type { Standing } from "@/components/keys/use-standing";
import { compareDecimal } from "@/lib/browser/decimal";
import type { KeyTree, TreeView } from "@/lib/browser/key-tree";

/**
 * A tree stands still until its reader moves it on, but where that would keep from him what he waits
 * for: what one member alone has gives way to what the cluster has, once it can be asked again, and a
 * tree without keys to the first of them.
 */
export function useReread(tree: KeyTree, view: TreeView, standing: Standing, isPast: boolean) {
  const { hasQuorum, checkedAt, revision } = standing;
  const isEmptyAndOld =
    !isPast &&
    view.count === 0 &&
    view.revision !== null &&
    revision !== null &&
    compareDecimal(revision, view.revision) > 0;
  const isDue = hasQuorum && checkedAt !== undefined && (view.onlyMember !== null || isEmptyAndOld);
  useEffect(() => {
    if (isDue && !tree.view().isRefreshing) void tree.refresh();
    // Each new look at the cluster is another occasion.
  }, [tree, isDue, checkedAt]);
}
