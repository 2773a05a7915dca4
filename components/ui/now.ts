"use client";

import { useEffect, useState } from "react";

/** The time, told again every `everyMs`. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** Whether `at` lies more than `limitMs` back. Tells so once, where `useNow` draws anew each time. */
export function useIsOlder(at: number, limitMs: number): boolean {
  const [passed, setPassed] = useState<number | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setPassed(at), Math.max(0, at + limitMs - Date.now()));
    return () => clearTimeout(timer);
  }, [at, limitMs]);
  return passed === at;
}
