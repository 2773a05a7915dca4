import { defineConfig } from "vitest/config";
import { LongFilesFirst } from "./e2e/harness/long-files-first.ts";
import { ISOLATED_FOLDERS } from "./e2e/repo/isolation.ts";

const resolve = { alias: { "@": import.meta.dirname } };

/** What is polled for decides, and only the test's own limit beside it: by default it is 1 s. */
const limitedBy = (testTimeout: number) =>
  ({ testTimeout, expect: { poll: { timeout: testTimeout } } }) as const;

const inProcess = limitedBy(20_000);
const isolated = ISOLATED_FOLDERS.map((folder) => `${folder}/**/*.test.{ts,tsx}`);

/** Tests that start members and clusters. */
const processes = { ...limitedBy(120_000), pool: "forks", hookTimeout: 60_000 } as const;

/**
 * Tests that flood members, take the time of what they do, or count on leaders to stay: they have
 * the machine for themselves.
 */
const ALONE = [
  "e2e/cluster/{bad-input,failover,hostile-*,launch,slow-clients,standstill}.test.ts",
  "e2e/compat/{etcdctl-pace,mixed-cluster,prometheus}.test.ts",
];

export default defineConfig({
  test: {
    // What was found and what was expected is to be read in the summary of a run.
    chaiConfig: { truncateThreshold: 4_000 },
    maxWorkers: "100%",
    sequence: { sequencer: LongFilesFirst },
    projects: [
      {
        resolve,
        test: {
          name: "unit",
          include: ["{server,lib}/**/*.test.ts", "e2e/{repo,report}/**/*.test.ts"],
          exclude: ["**/node_modules/**", "server/sim/**", ...isolated],
          isolate: false,
          setupFiles: ["e2e/repo/process-kept.ts"],
          ...inProcess,
        },
      },
      {
        resolve,
        test: {
          name: "unit-isolated",
          include: isolated,
          setupFiles: ["e2e/repo/patient-screen.ts"],
          ...inProcess,
        },
      },
      {
        resolve,
        test: { name: "sim", include: ["server/sim/**/*.test.ts"], ...inProcess },
      },
      {
        resolve,
        test: {
          ...processes,
          name: "e2e",
          include: ["e2e/{compat,cluster}/**/*.test.ts"],
          exclude: ["**/node_modules/**", ...ALONE],
          maxWorkers: 2,
        },
      },
      {
        resolve,
        test: {
          ...processes,
          name: "e2e-alone",
          include: ALONE,
          fileParallelism: false,
          maxConcurrency: 2,
        },
      },
    ],
  },
});
