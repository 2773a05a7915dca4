import { Skeleton } from "@/components/ui/skeleton";

export function WatchSkeleton() {
  return (
    <section
      aria-busy="true"
      aria-label="Loading"
      className="flex h-full flex-col gap-4 bg-panel p-3"
    >
      <Skeleton className="h-12" />
      <Skeleton className="h-14" />
      <div className="flex-1" />
    </section>
  );
}
