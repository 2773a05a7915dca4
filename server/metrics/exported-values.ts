import { Counter, Gauge, type Registry } from "prom-client";

export type Labels = Readonly<Record<string, string | number>>;
export type Sample = readonly [Labels, number];

export interface ExportedValues {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly labelNames: readonly string[];
  /** The samples of one scrape. */
  readonly read: () => Iterable<Sample>;
}

/** A metric whose values are kept elsewhere and read at each scrape. */
export function exportValues(registry: Registry, values: ExportedValues): void {
  const { name, help, labelNames, read } = values;
  const registers = [registry];
  if (values.type === "gauge") {
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        forget(this, labelNames);
        for (const [labels, value] of read()) this.set(byName(labels), value);
      },
    });
    return;
  }
  new Counter({
    name,
    help,
    labelNames,
    registers,
    collect() {
      forget(this, labelNames);
      for (const [labels, value] of read()) this.inc(byName(labels), value);
    },
  });
}

/** In the order in which etcd prints them. */
export function byName(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `reset` alone would leave a zero behind where there are no labels. */
function forget(metric: Gauge | Counter, labelNames: readonly string[]): void {
  if (labelNames.length === 0) metric.remove();
  else metric.reset();
}
