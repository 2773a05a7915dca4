"use client";

import { useSyncExternalStore } from "react";

/** False in the HTML of the server, and until its components run in the browser. */
export function useHydrated(): boolean {
  return useSyncExternalStore(
    subscribeNever,
    () => true,
    () => false,
  );
}

function subscribeNever() {
  return ignore;
}

function ignore() {}
