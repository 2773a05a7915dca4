// What failed, gathered from the reports of all runners, for the end of a long log.
import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { GroupFailure } from "./group-failures.ts";

export const FAILURES_MAX = 20;
export const MESSAGE_LINES_MAX = 15;
export const LINE_CHARACTERS_MAX = 400;

export interface Failure {
  /** The step of the run, such as "unit" or "browser". */
  readonly runner: string;
  /** File, groups and title, joined by " › ". */
  readonly name: string;
  /** As the runner reports it: may hold colours, a stack and any number of lines. */
  readonly message: string;
}

/** What is read of vitest's JSON report. */
export interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    /** Absolute path of the file. */
    readonly name: string;
    readonly status: string;
    /** The file's own error, outside of every test: "" if it has none. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

interface BrowserError {
  readonly message?: string;
  readonly stack?: string;
}

interface BrowserSuite {
  /** A file's path at the top level, the group's title below it. */
  readonly title: string;
  readonly specs: readonly {
    readonly title: string;
    readonly tests: readonly {
      readonly projectName: string;
      readonly status: string;
      readonly results: readonly { readonly errors: readonly BrowserError[] }[];
    }[];
  }[];
  readonly suites?: readonly BrowserSuite[];
}

/** What is read of Playwright's JSON report. */
export interface BrowserReport {
  readonly stats: {
    readonly expected: number;
    readonly unexpected: number;
    readonly flaky: number;
  };
  readonly suites: readonly BrowserSuite[];
  /** Errors outside of every test. */
  readonly errors: readonly BrowserError[];
}

/** A line of a stack that is not about our code. */
const FOREIGN_FRAME = /^\s+at .*(\/node_modules\/|\(node:|<anonymous>\)?$)/;
const NO_MESSAGE = "(its report holds no message: see above, where it ran)";

/** What is inside what, outermost first. */
export const fullName = (parts: readonly string[]): string =>
  parts.filter((part) => part !== "").join(" › ");

/**
 * A file that failed without a failed test or group (it did not load, say) is a failure of its own.
 *
 * @param groups what the hooks of groups threw
 */
export function vitestFailures(
  runner: string,
  report: VitestReport,
  groups: readonly GroupFailure[],
  root: string,
): Failure[] {
  return report.testResults.flatMap((file) => {
    const path = relative(root, file.name);
    const ofGroups = groups
      .filter((group) => group.file === file.name)
      .map(({ name, message }) => ({ runner, name: fullName([path, name]), message }));
    const ofTests = file.assertionResults
      .filter((test) => test.status === "failed")
      .map((test) => ({
        runner,
        name: fullName([path, ...test.ancestorTitles, test.title]),
        message: test.failureMessages.join("\n"),
      }));
    const failed = [...ofGroups, ...ofTests];
    const isOwn = file.message !== "" || (file.status === "failed" && failed.length === 0);
    return isOwn ? [{ runner, name: path, message: file.message }, ...failed] : failed;
  });
}

/** A test that passed only when tried again counts as failed, as it does in the sum. */
export function browserFailures(runner: string, report: BrowserReport): Failure[] {
  const outside = report.errors.map((error) => ({
    runner,
    name: "outside of every test",
    message: browserMessage([error]),
  }));
  return [...outside, ...report.suites.flatMap((suite) => suiteFailures(runner, suite, []))];
}

function suiteFailures(
  runner: string,
  suite: BrowserSuite,
  above: readonly string[],
): readonly Failure[] {
  const path = [...above, suite.title];
  const own = suite.specs.flatMap((spec) =>
    spec.tests
      .filter((test) => test.status === "unexpected" || test.status === "flaky")
      .map((test) => ({
        runner,
        name: fullName([`[${test.projectName}]`, ...path, spec.title]),
        message: browserMessage(test.results.flatMap((result) => result.errors)),
      })),
  );
  return [...own, ...(suite.suites ?? []).flatMap((child) => suiteFailures(runner, child, path))];
}

function browserMessage(errors: readonly BrowserError[]): string {
  return errors.map((error) => error.message ?? error.stack ?? "").join("\n");
}

/**
 * Lines for the log: of the first FAILURES_MAX failures the name and the first MESSAGE_LINES_MAX
 * lines of the message. Empty if nothing failed.
 */
export function describeFailures(failures: readonly Failure[]): string {
  if (failures.length === 0) return "";
  const shown = failures.slice(0, FAILURES_MAX).map(describeFailure);
  const more = failures.length - shown.length;
  const rest = more > 0 ? [`… and ${more} more, to be found above`] : [];
  return ["── what failed", ...shown, ...rest].map((part) => `${part}\n`).join("\n");
}

function describeFailure({ runner, name, message }: Failure): string {
  const lines = stripVTControlCharacters(message)
    .trim()
    .split("\n")
    .filter((line) => !FOREIGN_FRAME.test(line));
  if (lines.join("") === "") lines[0] = NO_MESSAGE;
  const shown = lines.slice(0, MESSAGE_LINES_MAX).map(shorten);
  const more = lines.length - shown.length;
  const rest = more > 0 ? [`… ${more} more lines`] : [];
  const indented = [...shown, ...rest].map((line) => `    ${line}`.trimEnd());
  return [`✗ ${runner}: ${name}`, ...indented].join("\n");
}

function shorten(line: string): string {
  return line.length > LINE_CHARACTERS_MAX ? `${line.slice(0, LINE_CHARACTERS_MAX)}…` : line;
}
