// Every test, in order of what fails fastest: `npm test`. Ends with one line that sums all runners.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installTools } from "./harness/tools.ts";
import {
  type BrowserReport,
  browserFailures,
  describeFailures,
  type Failure,
  type VitestReport,
  vitestFailures,
} from "./report/failures.ts";
import { GROUP_FAILURES_PATH, type GroupFailure } from "./report/group-failures.ts";

interface Count {
  readonly passed: number;
  readonly failed: number;
}

const root = join(import.meta.dirname, "..");
const reports = mkdtempSync(join(tmpdir(), "quorate-tests-"));
const startedAt = performance.now();
const counts: Count[] = [];
const failures: Failure[] = [];
let current = "";

try {
  step("tools", () => installTools());
  for (const script of ["check:format", "check:lint", "check:types", "build"]) {
    step(script, () => mustRun("npm", ["run", "--silent", script]));
  }
  runVitest("unit", "unit*");
  runVitest("sim");
  runVitest("e2e", "e2e*");
  runPlaywright();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  failures.push({ runner: current, name: "the run ends here", message });
  counts.push({ passed: 0, failed: 1 });
}
rmSync(reports, { recursive: true });

const passed = counts.reduce((sum, count) => sum + count.passed, 0);
const failed = counts.reduce((sum, count) => sum + count.failed, 0);
if (failures.length > 0) process.stdout.write(`\n${describeFailures(failures)}`);
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

function step(name: string, action: () => void): void {
  current = name;
  process.stdout.write(`\n── ${name} (${Math.round((performance.now() - startedAt) / 1000)} s)\n`);
  action();
}

/** @param projects of vitest.config.ts, as a pattern */
function runVitest(name: string, projects = name): void {
  const report = join(reports, `${name}.json`);
  const groupReport = join(reports, `${name}-groups.json`);
  step(name, () => {
    const reporters = ["default", "json", "./e2e/report/group-failures.ts"];
    const status = run(
      "vitest",
      [
        "run",
        `--project=${projects}`,
        ...reporters.map((reporter) => `--reporter=${reporter}`),
        `--outputFile.json=${report}`,
      ],
      { [GROUP_FAILURES_PATH]: groupReport },
    );
    const result = readReport<VitestReport>(report);
    const groups = readReport<readonly GroupFailure[]>(groupReport);
    const found = { passed: result.numPassedTests, failed: result.numFailedTests };
    record(status, found, vitestFailures(name, result, groups, root));
  });
}

function runPlaywright(): void {
  const report = join(reports, "browser.json");
  step("browser", () => {
    const status = run("playwright", ["test", "--reporter=list,json"], {
      PLAYWRIGHT_JSON_OUTPUT_NAME: report,
    });
    const result = readReport<BrowserReport>(report);
    const { expected, unexpected, flaky } = result.stats;
    const found = { passed: expected, failed: unexpected + flaky };
    record(status, found, browserFailures("browser", result));
  });
}

/** A runner that failed although its report names no failure counts as one. */
function record(status: number, found: Count, named: readonly Failure[]): void {
  counts.push(status !== 0 && found.failed === 0 ? { ...found, failed: 1 } : found);
  failures.push(...named);
  if (status !== 0 && named.length === 0) {
    const message = `ended with status ${status}, though its report names no failed test`;
    failures.push({ runner: current, name: "outside of every test", message });
  }
}

function readReport<T>(path: string): T {
  if (!existsSync(path)) throw new Error(`No report was written to ${path}: the runner broke off.`);
  return JSON.parse(readFileSync(path, "utf8")) as T;
}

function mustRun(command: string, args: readonly string[]): void {
  if (run(command, args) !== 0) throw new Error(`${command} ${args.join(" ")} failed`);
}

function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): number {
  const { status } = spawnSync(command, [...args], {
    cwd: root,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1", ...env },
    stdio: "inherit",
  });
  return status ?? 1;
}
