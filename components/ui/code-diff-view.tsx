"use client";

import { MergeView } from "@codemirror/merge";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { cn } from "@/components/ui/class-names";
import { type CodeLanguage, codeBasics } from "@/components/ui/code-setup";

interface CodeDiffProps {
  before: string;
  after: string;
  beforeLabel: string;
  afterLabel: string;
  language?: CodeLanguage;
  className?: string;
}

/** The exact difference may cost more than a reader gains; then a coarser one is shown. */
const DIFF_MS_MAX = 250;
const DIFF_SCAN_MAX = 2_000;
const CONTEXT_LINES = 4;

/** Two read-only texts side by side. */
export function CodeDiffView(props: CodeDiffProps) {
  const { before, after, beforeLabel, afterLabel, language, className } = props;
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (host.current === null) return;
    const side = (doc: string, label: string): { doc: string; extensions: Extension } => ({
      doc,
      extensions: [
        codeBasics(language ?? "plain", doc.length),
        lineNumbers(),
        EditorState.readOnly.of(true),
        EditorView.contentAttributes.of({ "aria-label": label }),
      ],
    });
    const merge = new MergeView({
      a: side(before, beforeLabel),
      b: side(after, afterLabel),
      parent: host.current,
      highlightChanges: true,
      gutter: true,
      collapseUnchanged: { margin: CONTEXT_LINES, minSize: CONTEXT_LINES * 2 },
      diffConfig: { scanLimit: DIFF_SCAN_MAX, timeout: DIFF_MS_MAX },
    });
    return () => merge.destroy();
  }, [before, after, beforeLabel, afterLabel, language]);
  return (
    <div
      ref={host}
      className={cn(
        "overflow-auto rounded-md border bg-raised [&_.cm-mergeView]:flex [&_.cm-mergeView]:min-h-full [&_.cm-mergeView]:flex-col [&_.cm-mergeViewEditor+.cm-mergeViewEditor]:border-l [&_.cm-mergeViewEditors]:flex-1",
        className,
      )}
    />
  );
}
