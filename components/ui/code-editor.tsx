"use client";

import { preloadCodeDiff } from "@/components/ui/code-diff";
import { lazyView } from "@/components/ui/lazy-view";

const lazy = lazyView({
  load: async () => {
    const { CodeEditorView } = await import("@/components/ui/code-editor-view");
    preloadCodeDiff();
    return CodeEditorView;
  },
  name: "The editor",
  placeholder: <div className="min-h-0 flex-1" />,
});

/** Loaded when the first one is shown: it is the largest part of the console. */
export const CodeEditor = lazy.View;
