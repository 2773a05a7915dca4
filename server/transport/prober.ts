// How long a peer takes to answer and whether its clock agrees. Nothing decides by it: it feeds
// metrics and warnings.
import { hexId } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { isJsonObject } from "../base/json.ts";
import type { Log } from "../base/log.ts";
import type { Peer } from "./peer.ts";
import { exchange } from "./peer-request.ts";
import type { TlsDial } from "./tls.ts";

export const PROBE_PERIOD_MS = 4000;
const PROBE_TIMEOUT_MS = 3000;
const ANSWER_BYTES_MAX = 4096;
const CLOCK_DRIFT_MS = 1000;

/** One round trip. Never rejects: a peer that does not answer has none. */
export async function probe(
  peer: Peer,
  clock: Clock,
  log: Log,
  dialTls: TlsDial | undefined,
): Promise<void> {
  const url = peer.urls.pick();
  if (url === undefined) return;
  const options = {
    method: "GET",
    path: "/raft/probing",
    headers: {},
    idleMs: PROBE_TIMEOUT_MS,
    dialTls,
  } as const;
  const start = clock.monotonic();
  try {
    const answer = await exchange(url, options, undefined, ANSWER_BYTES_MAX);
    const roundTripMs = clock.monotonic() - start;
    peer.roundTrips.succeeded(roundTripMs);
    warnOfDrift(peer, answer.body.toString(), clock.now() - roundTripMs / 2, log);
  } catch (error) {
    peer.roundTrips.failed();
    log.debug("prober detected unhealthy status", { "remote-peer-id": hexId(peer.id), error });
  }
}

function warnOfDrift(peer: Peer, body: string, nowMs: number, log: Log): void {
  const json: unknown = JSON.parse(body);
  const text = isJsonObject(json) ? json.Now : undefined;
  const drift = typeof text === "string" ? Math.abs(Date.parse(text) - nowMs) : Number.NaN;
  if (drift > CLOCK_DRIFT_MS) {
    log.warn("prober found high clock drift", {
      "remote-peer-id": hexId(peer.id),
      "clock-drift": `${Math.round(drift)}ms`,
    });
  }
}
