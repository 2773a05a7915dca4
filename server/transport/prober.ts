// How long a peer takes to answer and whether its clock agrees. Nothing decides by it: it feeds
// metrics and warnings.
import { hexId } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { formatMs } from "../base/duration.ts";
import { isJsonObject } from "../base/json.ts";
import type { Log, LogFields } from "../base/log.ts";
import type { Peer } from "./peer.ts";
import { exchange } from "./peer-request.ts";
import type { TlsDial } from "./tls.ts";

export const PROBE_PERIOD_MS = 4000;
const PROBE_TIMEOUT_MS = 3000;
const ANSWER_BYTES_MAX = 4096;
const CLOCK_DRIFT_MS = 1000;
/** etcd asks over two connections, this program over one. */
const ROUND_TRIPPER = "ROUND_TRIPPER_RAFT_MESSAGE";

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
    clock,
    dialTls,
  } as const;
  const start = clock.monotonic();
  try {
    const answer = await exchange(url, options, undefined, ANSWER_BYTES_MAX);
    const roundTripMs = clock.monotonic() - start;
    peer.roundTrips.succeeded(roundTripMs);
    peer.probed = { roundTripMs, problem: undefined };
    warnOfDrift(peer, answer.body.toString(), clock.now() - roundTripMs / 2, log);
  } catch (error) {
    peer.roundTrips.failed();
    const { problem: before, roundTripMs } = peer.probed;
    const problem = (error as Error).message;
    peer.probed = { roundTripMs, problem };
    // Once until the reason is another one; etcd repeats it every 5 s.
    if (problem !== before) {
      log.warn("prober detected unhealthy status", { ...probeFields(peer), error: problem });
    }
  }
}

function probeFields({ id, probed }: Peer): LogFields {
  return {
    "round-tripper-name": ROUND_TRIPPER,
    "remote-peer-id": hexId(id),
    rtt: formatMs(probed.roundTripMs),
  };
}

function warnOfDrift(peer: Peer, body: string, nowMs: number, log: Log): void {
  const json: unknown = JSON.parse(body);
  const text = isJsonObject(json) ? json.Now : undefined;
  const drift = typeof text === "string" ? Math.abs(Date.parse(text) - nowMs) : Number.NaN;
  if (drift > CLOCK_DRIFT_MS) {
    const { rtt, ...who } = probeFields(peer);
    const fields = { ...who, "clock-drift": formatMs(Math.round(drift)), rtt };
    log.warn("prober found high clock drift", fields);
  }
}
