import { Skeleton } from "@/components/ui/skeleton";

export function KeysSkeleton() {
  return (
    <section aria-busy="true" aria-label="Loading keys" className="flex h-full">
      <div className="flex w-85 flex-col gap-3 border-r bg-panel p-4 max-lg:w-[42%]">
        <Skeleton className="h-8" />
        {["w-3/5", "w-2/5", "w-1/2", "w-2/3", "w-1/3"].map((width) => (
          <Skeleton key={width} className={`h-3.5 ${width}`} />
        ))}
      </div>
      <div className="flex-1" />
    </section>
  );
}
