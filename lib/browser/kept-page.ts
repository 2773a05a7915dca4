// What this tab alone has and no reload brings back, drafts aside: signing in again leaves it here.

import { useSyncExternalStore } from "react";

let kept = 0;
const listeners = new Set<() => void>();

/** Until the function that is returned is called. */
export function keepPage(): () => void {
  add(1);
  return () => add(-1);
}

function add(count: 1 | -1): void {
  kept += count;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useIsPageKept(): boolean {
  return useSyncExternalStore(
    subscribe,
    () => kept > 0,
    () => false,
  );
}
