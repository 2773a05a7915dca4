// Figures as text. Locale is fixed: an operator's screenshot reads the same everywhere.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function formatCount(count: number | bigint): string {
  return whole.format(count);
}

/** Decimal text of any length, grouped by thousands. */
export function formatDecimal(decimal: string): string {
  return whole.format(BigInt(decimal));
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

export function formatBytes(bytes: number): string {
  let unit = 0;
  let size = bytes;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return `${size.toFixed(digits)} ${UNITS[unit]}`;
}

export function formatLatency(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(1)} s`;
}

/** The two largest units: "2 d 3 h", "4 min 5 s", "12 s". */
export function formatDuration(seconds: number): string {
  const total = Math.max(0, Math.floor(seconds));
  const parts: [number, string][] = [
    [Math.floor(total / 86_400), "d"],
    [Math.floor(total / 3_600) % 24, "h"],
    [Math.floor(total / 60) % 60, "min"],
    [total % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first === -1) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(" ");
}

/** "just now" below two seconds, else "12 s ago". */
export function formatAge(ms: number): string {
  return ms < 2_000 ? "just now" : `${formatDuration(ms / 1000)} ago`;
}

const TO_THE_SECOND = { hour: "2-digit", minute: "2-digit", second: "2-digit" } as const;
const TO_THE_MS = { ...TO_THE_SECOND, fractionalSecondDigits: 3 } as const;
const DAY = { day: "numeric", month: "short" } as const;
const clock = new Intl.DateTimeFormat("en-GB", TO_THE_MS);
const dayAndClock = new Intl.DateTimeFormat("en-GB", { ...DAY, ...TO_THE_SECOND });
const dateAndClock = new Intl.DateTimeFormat("en-GB", { ...DAY, year: "numeric", ...TO_THE_MS });

/** Local date and time of day with milliseconds: "31 Dec 2025, 23:59:59.123". */
export function formatDateTime(iso: string): string {
  return dateAndClock.format(new Date(iso));
}

/**
 * Local time of day with milliseconds; of another day to the second, and the day: "31 Dec, 23:59:59".
 *
 * @param nowMs ms since 1970
 */
export function formatTimeOrDay(iso: string, nowMs: number): string {
  const at = new Date(iso);
  const isToday = at.toDateString() === new Date(nowMs).toDateString();
  return (isToday ? clock : dayAndClock).format(at);
}
