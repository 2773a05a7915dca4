import { cn } from "@/components/ui/class-names";

export function Kbd({ children, className }: { children: React.ReactNode; className?: string }) {
  return (
    <kbd
      className={cn(
        "inline-flex h-4.5 min-w-4.5 items-center justify-center rounded-sm border border-line-strong bg-raised px-1 font-sans text-2xs whitespace-nowrap text-ink-2",
        className,
      )}
    >
      {children}
    </kbd>
  );
}
