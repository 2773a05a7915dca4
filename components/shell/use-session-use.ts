"use client";

import { useEffect } from "react";
import { tellUse } from "@/lib/browser/session-use";

const LISTENING = { capture: true, passive: true };

/** Typing, scrolling and pointing use the session: none of them need ask the console anything. */
export function useSessionUse(): void {
  useEffect(() => {
    // A browser may tell of a pointer at rest when what is below it changes.
    const onMove = (event: PointerEvent) => {
      if (event.movementX !== 0 || event.movementY !== 0) tellUse();
    };
    const acts = ["keydown", "pointerdown", "wheel"] as const;
    for (const act of acts) window.addEventListener(act, tellUse, LISTENING);
    window.addEventListener("pointermove", onMove, LISTENING);
    return () => {
      for (const act of acts) window.removeEventListener(act, tellUse, LISTENING);
      window.removeEventListener("pointermove", onMove, LISTENING);
    };
  }, []);
}
