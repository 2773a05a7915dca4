import { cn } from "@/components/ui/class-names";

/** A place that will be filled; hidden from screen readers, which hear the region's label. */
export function Skeleton({ className }: { className?: string }) {
  return (
    <div
      aria-hidden
      className={cn("animate-pulse rounded-sm bg-hover motion-reduce:animate-none", className)}
    />
  );
}
