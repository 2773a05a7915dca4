/** One line of a table: what was measured, ours, etcd's, and how many times better ours is. */
export interface Comparison {
  readonly what: string;
  readonly ours: number;
  readonly etcd: number;
  readonly unit: string;
  readonly better: "higher" | "lower";
}

export function heading(text: string): void {
  process.stdout.write(`\n${text}\n${"─".repeat(78)}\n`);
  row("", "quorate", "etcd", "ratio");
}

/** Ratios over 1 are in our favour, whichever direction is better. */
export function show({ what, ours, etcd, unit, better }: Comparison): void {
  const ratio = better === "higher" ? ours / etcd : etcd / ours;
  row(what, `${number(ours)} ${unit}`, `${number(etcd)} ${unit}`, `${ratio.toFixed(2)}×`);
}

function row(what: string, ours: string, etcd: string, ratio: string): void {
  process.stdout.write(
    `${what.padEnd(34)}${ours.padStart(17)}${etcd.padStart(17)}${ratio.padStart(10)}\n`,
  );
}

function number(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
