import { defineConfig } from "vitest/config";
import { ISOLATED_FOLDERS } from "./e2e/repo/isolation.ts";

const resolve = { alias: { "@": import.meta.dirname } };
const testTimeout = 20_000;
const isolated = ISOLATED_FOLDERS.map((folder) => `${folder}/**/*.test.{ts,tsx}`);

export default defineConfig({
  test: {
    maxWorkers: "100%",
    projects: [
      {
        resolve,
        test: {
          name: "unit",
          include: ["{server,lib}/**/*.test.ts", "e2e/{repo,report}/**/*.test.ts"],
          exclude: ["**/node_modules/**", "server/sim/**", ...isolated],
          isolate: false,
          setupFiles: ["e2e/repo/process-kept.ts"],
          testTimeout,
        },
      },
      {
        resolve,
        test: { name: "unit-isolated", include: isolated, testTimeout },
      },
      {
        resolve,
        test: { name: "sim", include: ["server/sim/**/*.test.ts"], testTimeout },
      },
      {
        resolve,
        test: {
          name: "e2e",
          include: ["e2e/{compat,cluster}/**/*.test.ts"],
          pool: "forks",
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
