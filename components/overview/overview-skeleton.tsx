import { Skeleton } from "@/components/ui/skeleton";
import { Waiting } from "@/components/ui/waiting";

export function OverviewSkeleton() {
  return (
    <section
      aria-busy="true"
      aria-label="Looking at the cluster"
      className="h-full overflow-hidden"
    >
      <div className="mx-auto flex max-w-400 flex-col gap-4 p-4 lg:p-6">
        <div className="flex h-7 items-center justify-between gap-4">
          <Skeleton className="h-7 w-32" />
          <Waiting>Waiting for every member to answer</Waiting>
        </div>
        <div className="grid gap-4 md:grid-cols-2">
          <div className="flex h-54 items-center gap-6 rounded-lg border bg-panel p-5">
            <Skeleton className="size-32 rounded-full" />
            <div className="flex flex-1 flex-col gap-2">
              <Skeleton className="h-6 w-4/5" />
              <Skeleton className="h-4 w-3/5" />
            </div>
          </div>
          <div className="grid h-54 grid-cols-2 content-center gap-x-6 gap-y-5 rounded-lg border bg-panel p-5">
            {["a", "b", "c", "d"].map((check) => (
              <Skeleton key={check} className="h-4" />
            ))}
          </div>
        </div>
        <div className="flex flex-col gap-5 rounded-lg border bg-panel p-4">
          <Skeleton className="h-4 w-24" />
          {["a", "b", "c"].map((row) => (
            <Skeleton key={row} className="h-10" />
          ))}
        </div>
      </div>
    </section>
  );
}
