"use client";

import { lazyView } from "@/components/ui/lazy-view";

const lazy = lazyView({
  load: async () => (await import("@/components/ui/code-diff-view")).CodeDiffView,
  name: "The comparison",
  placeholder: <div className="min-h-24 flex-1" />,
});

/** Loaded with the first editor: an edit that cannot be reviewed cannot be saved. */
export const CodeDiff = lazy.View;
export const preloadCodeDiff = lazy.preload;
