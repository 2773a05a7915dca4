// What a page asks by itself does not count as use of its session. Somebody at work on a page that
// asks nothing else, and a delete that runs, say so here.

import { SessionReply } from "../schema/session.ts";
import { request } from "./request.ts";
import { hasSessionEnded } from "./session-end.ts";

/** A session is told of its use at most this often. */
export const USE_TOLD_EVERY_MS = 60_000;

/** On the clock of performance.now(), in ms. */
let toldAt = Number.NEGATIVE_INFINITY;

/** Tells the console that its session is in use, unless that was told within the last minute. */
export function tellUse(): void {
  const now = performance.now();
  if (hasSessionEnded() || now - toldAt < USE_TOLD_EVERY_MS) return;
  toldAt = now;
  // What keeps the console from hearing it is told by all that the page asks anyway.
  request(SessionReply, "/api/session").catch(() => undefined);
}

/** Keeps the session in use from a minute on. @returns what ends that */
export function keepInUse(): () => void {
  const timer = setInterval(tellUse, USE_TOLD_EVERY_MS);
  return () => clearInterval(timer);
}
