import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MUTANTS, type Mutant } from "./mutants.ts";

// Each bug is put back into a copy of the sources, and the copy is run in a process of its own.

const server = join(import.meta.dirname, "..");
const EVENTS = 3000;
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mutants-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function putBack(mutant: Mutant | undefined): string {
  const copy = mkdtempSync(join(folder, "server-"));
  for (const station of ["base", "raft", "sim"]) {
    cpSync(join(server, station), join(copy, station), { recursive: true });
  }
  writeFileSync(join(copy, "package.json"), '{"type":"module"}');
  if (mutant === undefined) return copy;
  const file = join(copy, mutant.file);
  const source = readFileSync(file, "utf8");
  expect(source.split(mutant.original).length, "occurs once").toBe(2);
  writeFileSync(
    file,
    source.replace(mutant.original, () => mutant.replacement),
  );
  return copy;
}

/** True when the copy was found to be wrong, which is more than that it does not run. */
function isCaught(copy: string, by: Mutant["caughtBy"]): Promise<boolean> {
  const seeds = ["sim/simulate.ts", "--seeds", `${by}`, "--events", `${EVENTS}`];
  const args = by === "scripts" ? ["sim/play-scripts.ts"] : seeds;
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: copy }, (error, found) => {
      resolve(error?.code === 1 && found.length > 0);
    });
  });
}

test("the simulator finds nothing wrong with the product itself", async () => {
  expect(await isCaught(putBack(undefined), 20)).toBe(false);
  expect(await isCaught(putBack(undefined), "scripts")).toBe(false);
});

for (const mutant of MUTANTS) {
  test(`it is noticed when ${mutant.name}`, { timeout: 60_000 }, async () => {
    expect(await isCaught(putBack(mutant), mutant.caughtBy)).toBe(true);
  });
}
