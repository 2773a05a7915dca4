// Runs before every test file that has a process to itself: what a component's test awaits on the
// screen may take as long as a busy machine needs, where Testing Library gives up after 1 s.
import { beforeAll } from "vitest";

/** Below the limit of a test, so that a failure tells what was awaited and what was there. */
const SCREEN_WAIT_MS = 15_000;

beforeAll(async () => {
  // Most of these files have no screen, and no use for the library.
  if (typeof document === "undefined") return;
  const { configure } = await import("@testing-library/react");
  configure({ asyncUtilTimeout: SCREEN_WAIT_MS });
});
