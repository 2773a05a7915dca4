import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Make } from "../harness/member-process.ts";
import { historyOf } from "./differential/any-history.ts";
import type { Difference } from "./differential/difference.ts";
import {
  INTENDED_DIFFERENCES,
  intendedDifference,
} from "./differential/intended-differences.suite.ts";
import { MachinePair } from "./differential/machine-pair.ts";
import { reportOf } from "./differential/report.ts";
import { shrunk } from "./differential/shrinking.ts";
import { parseHistory, type Step } from "./differential/step.ts";

// The same histories to our single member and to Debian's etcds: whole responses, error codes and
// texts, watched events and hashes must be equal, but for what is intended.

const REGRESSIONS = join(import.meta.dirname, "regressions");
const MAKES: readonly Make[] = ["etcd-3.5", "etcd-3.4"];
const REQUESTS_PER_HISTORY = 500;
const HISTORIES = 40;
const FIRST_SEED = 1_000;

let machines: MachinePair;

beforeAll(async () => {
  machines = await MachinePair.start(MAKES);
});

afterAll(async () => {
  await machines?.stop();
});

async function expectAlike(
  steps: readonly Step[],
  name: string,
  machine = machines.first,
): Promise<void> {
  const found = await machine.play(steps);
  if (found === undefined) return;
  expect.fail(reportOf(name, await shrunk(found, (fewer) => machine.play(fewer))));
}

test.each(INTENDED_DIFFERENCES)("intended: $reason", async ({ makes, matches, example }) => {
  const differences = await machines.first.compare(example);
  const shown = differences.filter((each) => makes.includes(each.make) && matches(each, example));
  expect(shown.map(({ make }) => make).toSorted(), listOf(differences)).toEqual(makes.toSorted());
  const others = differences.filter((each) => intendedDifference(each, example) === undefined);
  expect(others).toEqual([]);
});

function listOf(differences: readonly Difference[]): string {
  return differences.map((each) => reportOf("", { steps: [], difference: each })).join("\n");
}

test.each(readdirSync(REGRESSIONS))("kept history %s", async (file) => {
  await expectAlike(parseHistory(readFileSync(join(REGRESSIONS, file), "utf8")), file);
});

test("random histories are answered alike", async () => {
  await machines.each(FIRST_SEED, HISTORIES, (seed, machine) =>
    expectAlike(historyOf(seed, REQUESTS_PER_HISTORY), `seed ${seed}`, machine),
  );
}, 600_000);
