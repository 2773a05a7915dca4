// The web server waits for open replies before it ends, and a stream is open as long as its page:
// on the signal to stop, streams end themselves.

const SLOT = Symbol.for("quorate.shutdown");

/** Calls back when the process is told to stop. Returns how to take that back. */
export function onShutdown(callback: () => void): () => void {
  const callbacks = registry();
  callbacks.add(callback);
  return () => callbacks.delete(callback);
}

/** One per process, however many copies of this module there are. */
function registry(): Set<() => void> {
  const slot = globalThis as { [SLOT]?: Set<() => void> };
  const known = slot[SLOT];
  if (known !== undefined) return known;
  const callbacks = new Set<() => void>();
  slot[SLOT] = callbacks;
  process.on("SIGTERM", shutDown);
  process.on("SIGINT", shutDown);
  return callbacks;
}

/** What the signals do. */
export function shutDown(): void {
  for (const callback of registry()) callback();
}
