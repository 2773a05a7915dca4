import { cn } from "@/components/ui/class-names";
import type { LiveState } from "@/lib/browser/live-key";

const looks: Record<Exclude<LiveState, "off">, { label: string; dot: string; hint: string }> = {
  connecting: { label: "Connecting", dot: "bg-line-strong", hint: "Changes are not followed yet." },
  live: { label: "Live", dot: "bg-good-fill", hint: "Every change shows here at once." },
  broken: {
    label: "Not live",
    dot: "bg-warn-fill",
    hint: "The stream of changes is broken and is being reopened; this may be old.",
  },
  refused: {
    label: "Not live",
    dot: "bg-warn-fill",
    hint: "The stream of changes was refused and is asked for again later; this may be old.",
  },
};

export function LiveBadge({ state }: { state: LiveState }) {
  if (state === "off") return null;
  const { label, dot, hint } = looks[state];
  return (
    <span className="inline-flex items-center gap-1.5 text-2xs text-ink-3" title={hint}>
      <span aria-hidden className={cn("size-1.5 rounded-full", dot)} />
      {label}
      <span className="sr-only">. {hint}</span>
    </span>
  );
}
