import { defineConfig } from "vitest/config";

const alias = { "@": import.meta.dirname };

export default defineConfig({
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          name: "unit",
          include: ["{server,lib,components}/**/*.test.{ts,tsx}", "e2e/repo/**/*.test.ts"],
          exclude: ["**/node_modules/**", "server/sim/**"],
          testTimeout: 20_000,
        },
      },
      {
        resolve: { alias },
        test: { name: "sim", include: ["server/sim/**/*.test.ts"], testTimeout: 20_000 },
      },
      {
        resolve: { alias },
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
