"use client";

import { useEffect, useState } from "react";
import type { Standing } from "@/components/keys/use-standing";
import { compareDecimal } from "@/lib/browser/decimal";
import type { KeyTree, TreeView } from "@/lib/browser/key-tree";

/**
 * A tree stands still until its reader moves it on, but where that would keep from him what he waits
 * for: what one member alone has gives way to what the cluster has, once it can be asked again, and a
 * tree without keys to the first of them, and what a restore has taken back to what is left.
 */
export function useReread(tree: KeyTree, view: TreeView, standing: Standing, isPast: boolean) {
  const { hasQuorum, checkedAt, revision } = standing;
  const isComparable = !isPast && view.revision !== null && revision !== null;
  const ahead = isComparable ? compareDecimal(revision, view.revision) : 0;
  const isEmptyAndOld = view.count === 0 && ahead > 0;
  const [read, setRead] = useState({ revision: view.revision, checkedAt });
  if (read.revision !== view.revision) setRead({ revision: view.revision, checkedAt });
  // A look from before the tree was read may know less than the tree.
  const isTakenBack = checkedAt !== read.checkedAt && ahead < 0;
  const isDue =
    hasQuorum &&
    checkedAt !== undefined &&
    (view.onlyMember !== null || isEmptyAndOld || isTakenBack);
  useEffect(() => {
    if (isDue && !tree.view().isRefreshing) void tree.refresh();
    // Each new look at the cluster is another occasion.
  }, [tree, isDue, checkedAt]);
}
