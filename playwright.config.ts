import { defineConfig } from "@playwright/test";
import type { SharedOptions } from "./e2e/harness/console-test.ts";
import { CHROMIUM } from "./e2e/harness/tools.ts";

export default defineConfig<object, SharedOptions>({
  testDir: "e2e/console",
  testMatch: "**/*.spec.ts",
  outputDir: "test-results",
  fullyParallel: false,
  workers: 2,
  retries: 0,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  // Every test runs over our own cluster and over Debian's etcd; but for how readable the pages are,
  // which does not depend on whose cluster they show.
  projects: [
    { name: "quorate", use: { make: "quorate" } },
    { name: "etcd", use: { make: "etcd-3.5" }, testIgnore: "**/accessibility.spec.ts" },
  ],
  use: {
    viewport: { width: 1280, height: 800 },
    video: "off",
    screenshot: "only-on-failure",
    trace: "off",
    launchOptions: {
      executablePath: CHROMIUM,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
