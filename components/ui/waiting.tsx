"use client";

import { type ReactNode, useEffect, useState } from "react";
import { cn } from "@/components/ui/class-names";
import { Spinner } from "@/components/ui/spinner";

/** What takes no longer needs no explanation. */
const PATIENCE_MS = 1_500;

/** Beside a skeleton: what it waits for, once that takes longer than usual. */
export function Waiting({ className, children }: { className?: string; children: ReactNode }) {
  const [isLong, setIsLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsLong(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <output className={cn("flex items-center gap-2 text-xs text-ink-2", className)}>
      {isLong ? (
        <>
          <Spinner /> {children}
        </>
      ) : null}
    </output>
  );
}
