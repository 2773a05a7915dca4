// Durations in Go's notation: "1h30m", "100ms", "-2.5s". Whole nanoseconds inside.

const UNIT_NS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const NS_MAX = 2n ** 63n - 1n;
const FRACTION_DIGITS_MAX = 18;

/** Nanoseconds; `undefined` when it is no duration of Go's, or too long for one. */
export function parseDuration(text: string): bigint | undefined {
  const isNegative = text.startsWith("-");
  const rest = /^[+-]/.test(text) ? text.slice(1) : text;
  if (rest === "0") return 0n;
  if (!/^((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/.test(rest)) return undefined;
  let total = 0n;
  for (const [, whole, fraction, unit] of rest.matchAll(/(\d*)(?:\.(\d*))?([a-zµμ]+)/g)) {
    const unitNs = UNIT_NS[unit ?? ""] ?? 0n;
    const digits = (fraction ?? "").slice(0, FRACTION_DIGITS_MAX);
    total += BigInt(whole === "" ? "0" : (whole ?? "0")) * unitNs;
    total += (BigInt(digits === "" ? "0" : digits) * unitNs) / 10n ** BigInt(digits.length);
  }
  if (total > NS_MAX) return undefined;
  return isNegative ? -total : total;
}

/** Why a text is no duration, in Go's words. */
export function durationProblem(text: string): string {
  const quoted = JSON.stringify(text);
  const rest = /^[+-]/.test(text) ? text.slice(1) : text;
  const parts =
    /^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*(?:\d+\.?\d*|\.\d+)([^\d.]*)/.exec(rest);
  if (parts === null) return `time: invalid duration ${quoted}`;
  const unit = parts[1] ?? "";
  if (unit === "") return `time: missing unit in duration ${quoted}`;
  if (UNIT_NS[unit] !== undefined) return `time: invalid duration ${quoted}`;
  return `time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`;
}

/** As Go prints it: "0s", "1.5s", "100ms", "1h30m0s". @param ns nanoseconds */
export function formatDuration(ns: bigint): string {
  if (ns === 0n) return "0s";
  const sign = ns < 0n ? "-" : "";
  const magnitude = ns < 0n ? -ns : ns;
  for (const [unit, size] of [
    ["ns", 1n],
    ["µs", 1_000n],
    ["ms", 1_000_000n],
  ] as const) {
    if (magnitude < size * 1000n) return `${sign}${decimal(magnitude, size)}${unit}`;
  }
  const minuteNs = 60n * 1_000_000_000n;
  const minutes = magnitude / minuteNs;
  const seconds = `${decimal(magnitude % minuteNs, 1_000_000_000n)}s`;
  if (minutes === 0n) return `${sign}${seconds}`;
  if (minutes < 60n) return `${sign}${minutes}m${seconds}`;
  return `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** Of milliseconds, fractions included. */
export function formatMs(ms: number): string {
  return formatDuration(BigInt(Math.round(ms * 1_000_000)));
}

function decimal(value: bigint, unit: bigint): string {
  const digits = unit.toString().length - 1;
  const fraction = (value % unit).toString().padStart(digits, "0").replace(/0+$/, "");
  return `${value / unit}${digits > 0 && fraction !== "" ? `.${fraction}` : ""}`;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** How long ago something began, as etcd's log says it: "now", "3 seconds ago", "1 hour ago". */
export function formatAgo(ms: number): string {
  for (const [unit, size] of [
    ["hour", HOUR_MS],
    ["minute", MINUTE_MS],
    ["second", SECOND_MS],
  ] as const) {
    const count = Math.floor(ms / size);
    if (count > 0) return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
  }
  return "now";
}
