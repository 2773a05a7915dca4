import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Make } from "../harness/member-process.ts";
import { historyOf } from "./differential/any-history.ts";
import { INTENDED_DIFFERENCES } from "./differential/intended-differences.ts";
import { DifferentialMachine } from "./differential/machine.ts";
import { reportOf } from "./differential/report.ts";
import { shrunk } from "./differential/shrinking.ts";
import { parseHistory, type Step } from "./differential/step.ts";

// The same histories to our single member and to Debian's etcds: whole responses, error codes and
// texts, watched events and hashes must be equal, but for what is intended.

const REGRESSIONS = join(import.meta.dirname, "regressions");
const REQUESTS_PER_HISTORY = 500;
const HISTORIES: Readonly<Partial<Record<Make, number>>> = { "etcd-3.5": 28, "etcd-3.4": 12 };
const FIRST_SEED = 1_000;

describe.each(["etcd-3.5", "etcd-3.4"] as const)("compared with %s", (make) => {
  let machine: DifferentialMachine;

  beforeAll(async () => {
    machine = await DifferentialMachine.start([make]);
  });

  afterAll(async () => {
    await machine?.stop();
  });

  async function expectAlike(steps: readonly Step[], name: string): Promise<void> {
    const difference = await machine.play(steps);
    if (difference === undefined) return;
    const smallest = await shrunk(steps, difference, (fewer) => machine.play(fewer));
    expect.fail(reportOf(name, smallest));
  }

  test.each(INTENDED_DIFFERENCES.filter(({ makes }) => makes.includes(make)))(
    "intended: $reason",
    async (intended) => {
      const differences = await machine.compare(intended.example);
      expect(differences.filter((each) => intended.matches(each))).toHaveLength(1);
      expect(differences).toHaveLength(1);
    },
  );

  test.each(readdirSync(REGRESSIONS))("kept history %s", async (file) => {
    await expectAlike(parseHistory(readFileSync(join(REGRESSIONS, file), "utf8")), file);
  });

  test("random histories are answered alike", async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + (HISTORIES[make] ?? 0); seed++) {
      await expectAlike(historyOf(seed, REQUESTS_PER_HISTORY, [make]), `seed ${seed}`);
    }
  }, 600_000);
});
