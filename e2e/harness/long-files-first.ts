import { BaseSequencer, type TestSpecification } from "vitest/node";

/** They take a minute or more; begun last, one would run on alone when all others are through. */
const LONG_FILES: readonly string[] = [
  "e2e/compat/differential.test.ts",
  "e2e/compat/console-watch.test.ts",
  "e2e/compat/console-overview.test.ts",
  "e2e/compat/access-matrix.test.ts",
];

/** The order of test files that run side by side, on a machine that has not seen them run yet. */
export class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): number =>
      Number(LONG_FILES.some((path) => moduleId.endsWith(`/${path}`)));
    return (await super.sort(files)).sort((a, b) => isLong(b) - isLong(a));
  }
}
