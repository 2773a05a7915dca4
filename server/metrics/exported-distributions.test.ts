import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { Distribution } from "../base/distribution.ts";
import { exportDistributions } from "./exported-distributions.ts";

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
