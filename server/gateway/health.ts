import { AssertionError } from "../base/assert.ts";
import type { HealthCounters } from "../metrics/health-counters.ts";
import type { MemberProbe } from "./member-probe.ts";
import type { Reply } from "./reply.ts";
import { plainError } from "./reply.ts";

/** `/health`: alarms, leader, a read; the first that is not well is the answer. */
export async function answerHealth(
  probe: MemberProbe,
  counters: HealthCounters,
  query: URLSearchParams,
): Promise<Reply> {
  const reason = await findReason(probe, query);
  const health = String(reason === "");
  const body = JSON.stringify({ health, reason });
  if (reason !== "") {
    counters.failures++;
    return plainError(503, body);
  }
  counters.success++;
  return { status: 200, headers: { "Content-Type": "text/plain; charset=utf-8" }, body };
}

async function findReason(probe: MemberProbe, query: URLSearchParams): Promise<string> {
  const isSerializable = query.get("serializable") === "true";
  const excluded = new Set(query.getAll("exclude"));
  try {
    const alarm = probe.alarms().find((name) => !excluded.has(name));
    if (alarm !== undefined) {
      return alarm === "NOSPACE" || alarm === "CORRUPT" ? `ALARM ${alarm}` : "ALARM UNKNOWN";
    }
    if (!isSerializable && !probe.hasLeader()) return "RAFT NO LEADER";
    await probe.read(isSerializable);
  } catch (thrown) {
    if (thrown instanceof AssertionError) throw thrown;
    return `RANGE ERROR:${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
  return "";
}
