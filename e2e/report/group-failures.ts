import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";
import { fullName } from "./failures.ts";

/** Where this reporter writes, as a variable of the environment. */
export const GROUP_FAILURES_PATH = "QUORATE_GROUP_FAILURES";

/** A group of tests none of which ran, or that could not be cleared up after. */
export interface GroupFailure {
  /** Absolute path of the file. */
  readonly file: string;
  /** The groups' titles from the outermost on, joined by " › ". */
  readonly name: string;
  readonly message: string;
}

/** Writes what hooks of groups threw: Vitest's own JSON report is silent about it. */
export default class GroupFailures implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const path = process.env[GROUP_FAILURES_PATH];
    if (path === undefined) throw new Error(`${GROUP_FAILURES_PATH} is not set`);
    writeFileSync(path, JSON.stringify(modules.flatMap(groupFailures)));
  }
}

function groupFailures(module: TestModule): GroupFailure[] {
  return [...module.children.allSuites()].flatMap((suite) => {
    const titles: string[] = [];
    for (let at = suite as typeof suite.parent; at.type === "suite"; at = at.parent) {
      titles.unshift(at.name);
    }
    return suite.errors().map(({ message, stack }) => ({
      file: module.moduleId,
      name: fullName(titles),
      message: stack ?? message,
    }));
  });
}
