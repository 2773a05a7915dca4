import { AssertionError } from "../base/assert.ts";
import type { Log } from "../base/log.ts";
import type { HealthCounters } from "../metrics/health-counters.ts";
import type { MemberProbe } from "./member-probe.ts";
import type { Reply } from "./reply.ts";
import { plainError } from "./reply.ts";

export interface HealthParts {
  readonly probe: MemberProbe;
  readonly health: HealthCounters;
  readonly log: Log;
}

/** `/health`: alarms, leader, a read; the first that is not well is the answer. */
export async function answerHealth(
  { probe, health: counters, log }: HealthParts,
  query: URLSearchParams,
): Promise<Reply> {
  const reason = await findReason(probe, log, query);
  const health = String(reason === "");
  const body = JSON.stringify({ health, reason });
  if (reason !== "") {
    counters.failures++;
    log.warn("/health error", { output: body, "status-code": 503 });
    return plainError(503, body);
  }
  counters.success++;
  log.debug("/health OK", { "status-code": 200 });
  return { status: 200, headers: { "Content-Type": "text/plain; charset=utf-8" }, body };
}

async function findReason(probe: MemberProbe, log: Log, query: URLSearchParams): Promise<string> {
  const isSerializable = query.get("serializable") === "true";
  const excluded = new Set(query.getAll("exclude"));
  try {
    for (const { name, text: alarm } of probe.alarms()) {
      if (excluded.has(name)) {
        log.debug("/health excluded alarm", { alarm });
        continue;
      }
      log.warn("serving /health false due to an alarm", { alarm });
      return name === "NOSPACE" || name === "CORRUPT" ? `ALARM ${name}` : "ALARM UNKNOWN";
    }
    if (!isSerializable && !probe.hasLeader()) {
      log.warn("serving /health false; no leader");
      return "RAFT NO LEADER";
    }
    await probe.read(isSerializable);
  } catch (thrown) {
    if (thrown instanceof AssertionError) throw thrown;
    const error = thrown instanceof Error ? thrown.message : String(thrown);
    log.warn("serving /health false; Range fails", { error });
    return `RANGE ERROR:${error}`;
  }
  log.debug("serving /health true");
  return "";
}
