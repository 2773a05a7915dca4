import type { HealthParts } from "./health.ts";
import type { MemberProbe } from "./member-probe.ts";
import { plain, plainError, type Reply } from "./reply.ts";

/** Throws, or rejects with, the reason why it does not pass. */
type Check = (probe: MemberProbe) => Promise<void>;

const CHECKS = {
  async data_corruption(probe) {
    if (probe.alarms().some(({ name }) => name === "CORRUPT"))
      throw new Error("alarm activated: CORRUPT");
  },
  serializable_read: (probe) => probe.read(true),
  linearizable_read: (probe) => probe.read(false),
  async non_learner(probe) {
    if (probe.isLearner()) throw new Error("not supported for learner");
  },
} as const satisfies Record<string, Check>;
type CheckName = keyof typeof CHECKS;

const CHECKS_OF = {
  livez: ["serializable_read"],
  readyz: ["data_corruption", "serializable_read", "linearizable_read", "non_learner"],
} as const satisfies Record<string, readonly CheckName[]>;
type ReadinessType = keyof typeof CHECKS_OF;

const PATH = /^\/(livez|readyz)(?:\/([a-z_]+))?$/;

export interface ReadinessPath {
  readonly type: ReadinessType;
  readonly checks: readonly CheckName[];
  /** One check was asked for by name: `exclude` means nothing then. */
  readonly isSingle: boolean;
}

/** `/livez`, `/readyz` and one path for each of their checks; undefined for anything else. */
export function parseReadinessPath(path: string): ReadinessPath | undefined {
  const match = PATH.exec(path);
  if (match === null) return undefined;
  const type = match[1] as ReadinessType;
  const all: readonly CheckName[] = CHECKS_OF[type];
  const single = match[2];
  if (single === undefined) return { type, checks: all, isSingle: false };
  const checks = all.filter((name) => name === single);
  return checks.length === 0 ? undefined : { type, checks, isSingle: true };
}

export async function answerReadiness(
  { probe, health: counters, log }: HealthParts,
  path: string,
  { type, checks, isSingle }: ReadinessPath,
  query: URLSearchParams,
): Promise<Reply> {
  const excluded = new Set<string>(isSingle ? [] : query.getAll("exclude"));
  const names = checks.filter((name) => !excluded.delete(name));
  excluded.delete("");
  if (excluded.size > 0) {
    const missing = [...excluded].map((name) => JSON.stringify(name)).join(",");
    log.warn("some health checks cannot be excluded", { "missing-health-checks": missing });
  }
  const results = await Promise.all(names.map((name) => run(CHECKS[name], probe)));
  let lines = "";
  let hasFailed = false;
  for (const [at, name] of names.entries()) {
    const reason = results[at];
    counters.countCheck(type, name, reason === undefined);
    if (reason === undefined) lines += `[+]${name} ok\n`;
    else {
      hasFailed = true;
      lines += `[-]${name} failed: ${reason}\n`;
    }
  }
  if (hasFailed) {
    log.error("Health check error", { path, reason: lines, "status-code": 503 });
    return plainError(503, lines);
  }
  log.debug("Health check OK", { path, reason: lines, "status-code": 200 });
  return plain(200, `${query.has("verbose") ? lines : ""}ok\n`);
}

async function run(check: Check, probe: MemberProbe): Promise<string | undefined> {
  try {
    await check(probe);
    return undefined;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}
