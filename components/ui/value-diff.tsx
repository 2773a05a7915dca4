"use client";

import { useMemo } from "react";
import { cn } from "@/components/ui/class-names";
import { CodeDiff } from "@/components/ui/code-diff";
import { formatBytes } from "@/lib/browser/format";
import { equalBytes } from "@/lib/browser/key-text";
import { jsonLine, likelyForm, showValue, type ValueForm } from "@/lib/browser/value-form";

interface ValueDiffProps {
  /** Null: there is no value on this side, as its title says. */
  before: Uint8Array | null;
  after: Uint8Array | null;
  beforeTitle: string;
  afterTitle: string;
  className?: string;
}

/** Two values in the most readable form that holds both and hides no difference. */
export function ValueDiff({ before, after, beforeTitle, afterTitle, className }: ValueDiffProps) {
  const shown = useMemo(() => comparison(before, after), [before, after]);
  const side = (title: string, bytes: Uint8Array | null) => (
    <div className="flex min-w-0 items-baseline gap-2">
      <span className="truncate text-xs font-medium">{title}</span>
      {bytes === null ? null : (
        <span className="figures shrink-0 text-2xs text-ink-3">{formatBytes(bytes.length)}</span>
      )}
    </div>
  );
  return (
    <div className={cn("flex min-h-0 flex-col gap-1.5", className)}>
      <div className="grid grid-cols-2 gap-3">
        {side(beforeTitle, before)}
        {side(afterTitle, after)}
      </div>
      <CodeDiff
        before={shown.before}
        after={shown.after}
        beforeLabel={beforeTitle}
        afterLabel={afterTitle}
        language={shown.language}
        className="min-h-24 flex-1"
      />
      <div className="text-2xs text-ink-3">{shown.note}</div>
    </div>
  );
}

interface Comparison {
  readonly before: string;
  readonly after: string;
  readonly language: "json" | "plain";
  readonly note: string;
}

/** JSON on one line in the same way: spreading both out hides no difference. */
function areLinesAlike(sides: readonly Uint8Array[]): boolean {
  const lines = sides.map(jsonLine);
  const [first] = lines;
  return lines.every(
    (line) =>
      line !== null &&
      line.style === first?.style &&
      line.before === first.before &&
      line.after === first.after,
  );
}

function comparison(before: Uint8Array | null, after: Uint8Array | null): Comparison {
  const sides = [before, after].filter((bytes) => bytes !== null);
  const found = sides.map(likelyForm);
  const isSame = before !== null && after !== null && equalBytes(before, after);
  const same = isSame ? "Both values are the same bytes. " : "";
  const show = (form: ValueForm) => ({
    before: before === null ? "" : (showValue(before, form) ?? ""),
    after: after === null ? "" : (showValue(after, form) ?? ""),
  });
  const done = sides.length === 2 ? "Compared" : "Shown";
  if (found.includes("hex"))
    return { ...show("hex"), language: "plain", note: `${same}${done} as hex.` };
  if (sides.length > 0 && areLinesAlike(sides)) {
    const note = `${same}JSON on one line, spread out to be ${done.toLowerCase()}.`;
    return { ...show("json"), language: "json", note };
  }
  const isJson = found.every((form) => form === "json");
  const note = `${same}${done} as text.`;
  return { ...show("text"), language: isJson ? "json" : "plain", note };
}
