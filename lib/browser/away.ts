import { useEffect, useState } from "react";

/** Looking into another tab for a moment is not going away. */
export const AWAY_AFTER_MS = 5_000;

/** Whether nobody has seen this tab for a while, in ms. */
export function useIsAway(afterMs = AWAY_AFTER_MS): boolean {
  const [isAway, setIsAway] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const leave = () => {
      clearTimeout(timer);
      timer = setTimeout(() => setIsAway(true), afterMs);
    };
    const look = () => {
      if (document.hidden) leave();
      else {
        clearTimeout(timer);
        setIsAway(false);
      }
    };
    if (document.hidden) leave();
    document.addEventListener("visibilitychange", look);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [afterMs]);
  return isAway;
}

/**
 * When this tab was last brought into view, in ms since 1970; 0 if it was in view from the start,
 * and null while it is not: hidden tabs ask nothing by themselves.
 */
export function useInViewSince(): number | null {
  const [since, setSince] = useState(() =>
    typeof document !== "undefined" && document.hidden ? null : 0,
  );
  useEffect(() => {
    const look = () => setSince(document.hidden ? null : Date.now());
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);
  return since;
}
