import { Histogram, type Registry } from "prom-client";
import type { Distribution } from "../base/distribution.ts";
import { byName, type Labels } from "./exported-values.ts";

export interface ExportedDistributions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** What one scrape shows. */
  readonly read: () => Iterable<readonly [Labels, Distribution]>;
}

/** A histogram that is kept elsewhere and read at each scrape. */
export function exportDistributions(registry: Registry, exported: ExportedDistributions): void {
  const { name, help, labelNames, read } = exported;
  const histogram = new Histogram({ name, help, labelNames, registers: [registry] });
  const get = async () => ({
    name,
    help,
    type: "histogram",
    aggregator: "sum",
    values: [...read()].flatMap(([labels, distribution]) => samples(name, labels, distribution)),
  });
  // Registries ask for either, by their version.
  Object.assign(histogram, { get, getForPromString: get });
}

/** As the text format wants them: buckets that include all lower ones, then sum and count. */
function samples(name: string, unsorted: Labels, { bounds, counts, sum }: Distribution) {
  const labels = byName(unsorted);
  let count = 0;
  const buckets = [...counts].map((own, at) => {
    count += own;
    const bound = bounds[at];
    const le = bound === undefined ? "+Inf" : boundText(bound);
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

/** As Go writes it: another text would be another series. */
function boundText(bound: number): string {
  if (bound === 0 || (bound >= 1e-4 && bound < 1e6)) return String(bound);
  return bound.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}
