"use client";

import { useNow } from "@/components/ui/now";
import { formatAge } from "@/lib/browser/format";

/** How long ago, counting. */
export function Age({ since }: { since: string | number }) {
  const now = useNow(1_000);
  const at = typeof since === "number" ? since : Date.parse(since);
  return (
    <time dateTime={new Date(at).toISOString()} className="figures" suppressHydrationWarning>
      {formatAge(now - at)}
    </time>
  );
}
