"use client";

import { useNow } from "@/components/ui/now";
import { formatAge } from "@/lib/browser/format";

/** How long ago, counting; what is read out of a notice around it is not read again for that. */
export function Age({ since }: { since: string | number }) {
  const now = useNow(1_000);
  const at = typeof since === "number" ? since : Date.parse(since);
  return (
    <time
      dateTime={new Date(at).toISOString()}
      aria-live="off"
      className="figures"
      suppressHydrationWarning
    >
      {formatAge(now - at)}
    </time>
  );
}
