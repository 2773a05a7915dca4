// Runs around every test file that shares its process with others: who changes the process for good
// fails, and not whoever comes next.
import { afterAll, beforeAll, expect } from "vitest";

function processNow(): Map<string, unknown> {
  const found = new Map<string, unknown>([
    ["working folder", process.cwd()],
    ["exit code", process.exitCode],
  ]);
  for (const [name, value] of Object.entries(process.env)) found.set(`environment: ${name}`, value);
  for (const name of process.eventNames()) {
    found.set(`listeners: ${String(name)}`, process.listenerCount(name));
  }
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(globalThis))) {
    found.set(`global: ${name}`, value);
  }
  return found;
}

let before: Map<string, unknown>;

beforeAll(() => {
  before = processNow();
});

afterAll(() => {
  const after = processNow();
  const changed = [...new Map([...before, ...after]).keys()].filter(
    (name) => !Object.is(before.get(name), after.get(name)),
  );
  expect(changed, "what a test file leaves changed in its process").toEqual([]);
});
