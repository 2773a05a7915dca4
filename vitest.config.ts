import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [
      "server/**/*.test.ts",
      "lib/**/*.test.{ts,tsx}",
      "components/**/*.test.{ts,tsx}",
      "e2e/repo/**/*.test.ts",
    ],
    pool: "threads",
  },
  resolve: { alias: { "@": import.meta.dirname } },
});
