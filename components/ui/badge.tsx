import { cva, type VariantProps } from "class-variance-authority";
import type { ComponentProps } from "react";
import { cn } from "@/components/ui/class-names";

const look = cva(
  "inline-flex h-5 items-center gap-1 rounded-sm border px-1.5 text-2xs font-medium whitespace-nowrap [&_svg]:size-3",
  {
    variants: {
      tone: {
        neutral: "border-line bg-sunken text-ink-2",
        accent: "border-accent-line bg-accent-soft text-accent",
        good: "border-good-line bg-good-soft text-good",
        warn: "border-warn-line bg-warn-soft text-warn",
        bad: "border-bad-line bg-bad-soft text-bad",
      },
    },
    defaultVariants: { tone: "neutral" },
  },
);

export type Tone = NonNullable<VariantProps<typeof look>["tone"]>;

interface BadgeProps extends ComponentProps<"span">, VariantProps<typeof look> {}

export function Badge({ className, tone, ...props }: BadgeProps) {
  return <span className={cn(look({ tone }), className)} {...props} />;
}
