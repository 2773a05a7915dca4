import type { ComponentProps } from "react";
import { cn } from "@/components/ui/class-names";

const field =
  "w-full rounded-md border border-line-strong bg-raised text-sm text-ink transition-colors hover:border-ink-3 focus-visible:outline-offset-0 disabled:opacity-60 aria-invalid:border-bad";

export function Input({ className, type, ...props }: ComponentProps<"input">) {
  return (
    <input
      type={type ?? "text"}
      spellCheck={false}
      autoComplete="off"
      className={cn(field, "h-8 px-2.5", className)}
      {...props}
    />
  );
}

interface FieldProps {
  label: React.ReactNode;
  htmlFor: string;
  hint?: React.ReactNode;
  error?: string | undefined;
  className?: string;
  children: React.ReactNode;
}

/** A label above, one line of hint or error below. */
export function Field({ label, htmlFor, hint, error, className, children }: FieldProps) {
  return (
    <div className={cn("flex min-w-0 flex-col gap-1", className)}>
      <label htmlFor={htmlFor} className="text-xs font-medium text-ink-2">
        {label}
      </label>
      {children}
      {error === undefined ? (
        hint === undefined ? null : (
          <div className="text-xs text-ink-3">{hint}</div>
        )
      ) : (
        <div role="alert" className="text-xs text-bad">
          {error}
        </div>
      )}
    </div>
  );
}
