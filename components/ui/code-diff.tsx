"use client";

import dynamic from "next/dynamic";

/** Loaded when the first one is shown, as the editor is. */
export const CodeDiff = dynamic(
  async () => (await import("@/components/ui/code-diff-view")).CodeDiffView,
  { ssr: false, loading: () => <div className="min-h-24 flex-1" /> },
);
