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
