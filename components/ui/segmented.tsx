import { ToggleGroup } from "radix-ui";
import type { ReactNode } from "react";
import { cn } from "@/components/ui/class-names";

interface SegmentedProps<Value extends string> {
  label: string;
  value: Value;
  choices: readonly { value: Value; label: ReactNode; disabled?: boolean; title?: string }[];
  onChange: (value: Value) => void;
  className?: string;
}

/** One of a few, all in view. */
export function Segmented<Value extends string>(props: SegmentedProps<Value>) {
  const { label, value, choices, onChange, className } = props;
  return (
    <ToggleGroup.Root
      type="single"
      aria-label={label}
      value={value}
      onValueChange={(next) => {
        const chosen = choices.find((choice) => choice.value === next);
        if (chosen !== undefined) onChange(chosen.value);
      }}
      className={cn("inline-flex h-8 items-center gap-0.5 rounded-md bg-sunken p-0.5", className)}
    >
      {choices.map((choice) => (
        <ToggleGroup.Item
          key={choice.value}
          value={choice.value}
          disabled={choice.disabled ?? false}
          title={choice.title}
          className="h-full rounded-sm px-2.5 text-xs font-medium text-ink-2 transition-colors hover:text-ink disabled:opacity-45 data-[state=on]:bg-raised data-[state=on]:text-ink data-[state=on]:shadow-shade"
        >
          {choice.label}
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}
