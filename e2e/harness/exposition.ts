/** One metric of a scrape. */
export interface Family {
  readonly type: string;
  readonly labels: Set<string>;
  /** Upper bounds of a histogram. */
  readonly buckets: Set<string>;
  /** Samples by their name and labels, the labels sorted; buckets left out. */
  readonly values: Map<string, number>;
}

export type Exposition = Map<string, Family>;

/** Reads what a member says at /metrics. */
export async function scrape(clientUrl: string): Promise<Exposition> {
  const response = await fetch(`${clientUrl}/metrics`);
  if (!response.ok) throw new Error(`${response.status} from ${clientUrl}/metrics`);
  return parseExposition(await response.text());
}

export function parseExposition(text: string): Exposition {
  const found: Exposition = new Map();
  for (const line of text.split("\n")) {
    const typed = /^# TYPE (\S+) (\S+)/.exec(line);
    if (typed !== null) {
      const [, name = "", type = ""] = typed;
      found.set(name, { type, labels: new Set(), buckets: new Set(), values: new Map() });
      continue;
    }
    const sample = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line);
    if (sample === null) continue;
    const [, name = "", labels = "", value = ""] = sample;
    const family = found.get(name) ?? found.get(name.replace(/_(bucket|sum|count)$/, ""));
    if (family !== undefined) note(family, name, labels, Number(value.replace("Inf", "Infinity")));
  }
  return found;
}

function note(family: Family, name: string, labels: string, value: number): void {
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
  const kept: string[] = [];
  for (const [, label = "", text = ""] of pairs) {
    if (label === "le") family.buckets.add(text === "+Inf" ? "+Inf" : String(Number(text)));
    else {
      family.labels.add(label);
      kept.push(`${label}=${text}`);
    }
  }
  if (name.endsWith("_bucket") && pairs.some(([, label]) => label === "le")) return;
  family.values.set(`${name}{${kept.sort().join(",")}}`, value);
}

/** How much each sample grew; what is new counts from 0. */
export function growth(before: Exposition, after: Exposition): Map<string, number> {
  const grown = new Map<string, number>();
  for (const [name, { values }] of after) {
    for (const [sample, value] of values) {
      grown.set(sample, value - (before.get(name)?.values.get(sample) ?? 0));
    }
  }
  return grown;
}
