import { cva, type VariantProps } from "class-variance-authority";
import { Slot } from "radix-ui";
import type { ComponentProps } from "react";
import { cn } from "@/components/ui/class-names";
import { Spinner } from "@/components/ui/spinner";
import { Tooltip } from "@/components/ui/tooltip";

const look = cva(
  "inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md font-medium whitespace-nowrap select-none transition-colors disabled:opacity-50 disabled:pointer-events-none [&_svg]:shrink-0",
  {
    variants: {
      tone: {
        primary: "bg-accent text-accent-ink hover:bg-accent-hover",
        plain: "border bg-raised text-ink shadow-shade hover:bg-hover",
        quiet: "text-ink-2 hover:bg-hover hover:text-ink",
        danger: "bg-bad text-bad-ink hover:opacity-90",
        "danger-quiet": "text-bad hover:bg-bad-soft",
      },
      size: {
        md: "h-8 px-3 text-sm [&_svg]:size-4",
        sm: "h-7 px-2.5 text-xs [&_svg]:size-3.5",
        icon: "size-8 [&_svg]:size-4",
        "icon-sm": "size-7 [&_svg]:size-3.5",
      },
    },
    defaultVariants: { tone: "plain", size: "md" },
  },
);

interface ButtonProps extends ComponentProps<"button">, VariantProps<typeof look> {
  /** Renders the single child element with the button's look, for links. */
  asChild?: boolean;
  /** Shows a spinner and refuses presses. */
  busy?: boolean;
  /** Why it cannot be pressed now: it looks disabled, and says so to who points at it. */
  refusal?: string | null;
}

export function Button({ className, tone, size, asChild, busy, refusal, ...props }: ButtonProps) {
  const classes = cn(look({ tone, size }), className);
  if (asChild) return <Slot.Root className={classes} {...props} />;
  const { children, disabled, type, ...rest } = props;
  if (typeof refusal === "string") {
    return (
      <Tooltip label={refusal}>
        <button
          className={cn(classes, "cursor-not-allowed opacity-50")}
          type={type ?? "button"}
          {...rest}
          aria-disabled
          onClick={(event) => event.preventDefault()}
        >
          {children}
        </button>
      </Tooltip>
    );
  }
  return (
    <button
      className={classes}
      type={type ?? "button"}
      disabled={disabled === true || busy === true}
      aria-busy={busy ?? undefined}
      {...rest}
    >
      {busy ? <Spinner /> : null}
      {children}
    </button>
  );
}
