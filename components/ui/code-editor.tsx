"use client";

import dynamic from "next/dynamic";

/** Loaded when the first one is shown: it is the largest part of the console. */
export const CodeEditor = dynamic(
  async () => (await import("@/components/ui/code-editor-view")).CodeEditorView,
  { ssr: false, loading: () => <div className="min-h-0 flex-1" /> },
);
