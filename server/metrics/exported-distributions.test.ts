import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { Distribution } from "../base/distribution.ts";
import { exportDistributions } from "./exported-distributions.ts";
import { exportValues } from "./exported-values.ts";

test("bounds are written as Go writes them, so that the series are etcd's", async () => {
  const registry = new Registry();
  const read = () => [
    [{}, new Distribution([0, 0.00001, 0.0001, 0.5, 524_288, 1_048_576])] as const,
  ];
  exportDistributions(registry, { name: "seconds", help: "seconds", labelNames: [], read });
  const text = await registry.metrics();
  expect([...text.matchAll(/le="([^"]+)"/g)].map(([, bound]) => bound)).toEqual([
    "0",
    "1e-05",
    "0.0001",
    "0.5",
    "524288",
    "1.048576e+06",
    "+Inf",
  ]);
});

test("labels are printed in the order of their names, the bound of a bucket last", async () => {
  const registry = new Registry();
  const labels = { op: "o", le_: "l", version: "v", success: "s" };
  const labelNames = Object.keys(labels);
  const read = () => [[labels, new Distribution([1])] as const];
  exportDistributions(registry, { name: "seconds", help: "seconds", labelNames, read });
  for (const type of ["counter", "gauge"] as const) {
    exportValues(registry, { name: type, help: type, type, labelNames, read: () => [[labels, 1]] });
  }
  const sorted = 'le_="l",op="o",success="s",version="v"';
  const lines = (await registry.metrics()).split("\n").filter((line) => /^\w/.test(line));
  expect(lines).toEqual([
    `seconds_bucket{${sorted},le="1"} 0`,
    `seconds_bucket{${sorted},le="+Inf"} 0`,
    `seconds_sum{${sorted}} 0`,
    `seconds_count{${sorted}} 0`,
    `counter{${sorted}} 1`,
    `gauge{${sorted}} 1`,
  ]);
});
