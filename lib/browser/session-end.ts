// Set once a reply says that the session is over; the shell then asks to sign in again. Nothing on
// the page is thrown away for it.

let hasEnded = false;
const listeners = new Set<() => void>();

export function reportSessionEnd(): void {
  hasEnded = true;
  for (const listener of listeners) listener();
}

export function clearSessionEnd(): void {
  hasEnded = false;
  for (const listener of listeners) listener();
}

export function subscribeSessionEnd(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function hasSessionEnded(): boolean {
  return hasEnded;
}
