import type { Distribution } from "../base/distribution.ts";
import type { Labels } from "./exported-values.ts";
import type { MemberFigures } from "./figures.ts";

export interface DistributionRow {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly read: (figures: MemberFigures) => Iterable<readonly [Labels, Distribution]>;
}

function alone(distribution: Distribution | undefined): [Labels, Distribution][] {
  return distribution === undefined ? [] : [[{}, distribution]];
}

/** Histograms that stations keep. */
export const DISTRIBUTION_TABLE: readonly DistributionRow[] = [
  {
    name: "etcd_server_apply_duration_seconds",
    help: "How long committed entries took to apply",
    labelNames: ["version", "op", "success"],
    read: ({ applies = [] }) =>
      applies.map(({ version, operation, isSuccess, seconds }) => [
        { version, op: operation, success: String(isSuccess) },
        seconds,
      ]),
  },
  {
    name: "etcd_debugging_lease_ttl_total",
    help: "Seconds that leases were granted for",
    labelNames: [],
    read: (figures) => alone(figures.leaseTtlSeconds),
  },
  {
    name: "etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds",
    help: "How long each slice of a compaction held up everything else",
    labelNames: [],
    read: (figures) => alone(figures.compactionSliceMs),
  },
  {
    name: "etcd_debugging_mvcc_db_compaction_total_duration_milliseconds",
    help: "How long whole compactions took",
    labelNames: [],
    read: (figures) => alone(figures.compactionTotalMs),
  },
];
