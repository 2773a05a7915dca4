import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";

const SOURCE = readFileSync(join(import.meta.dirname, "node-version.cjs"), "utf8");

/** What it says and with which code it ends a Node of this version; nothing where it goes on. */
function verdict(node: string): string {
  let said = "";
  const exit = (code: number): void => {
    said += `exit ${code}`;
  };
  const stderr = { write: (text: string) => (said += text) };
  runInNewContext(SOURCE, { process: { versions: { node }, stderr, exit } });
  return said;
}

test.each(["22.18.0", "22.20.1", "23.0.0", "24.21.0"])("Node %s is taken", (node) => {
  expect(verdict(node)).toBe("");
});

test.each(["18.20.4", "20.20.2", "22.17.9"])("Node %s is named and refused", (node) => {
  const [sentence, end] = verdict(node).split("\n");
  expect(sentence).toMatch(`Quorate needs Node 22.18 or newer, this is ${node}; `);
  expect(end).toBe("exit 1");
});
