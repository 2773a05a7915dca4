import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { UNSUPPORTED_KEYS } from "./file.ts";
import type { FlagDefinition } from "./flag-set.ts";
import { DEFINITIONS } from "./flags.ts";
import { readConfig } from "./read-config.ts";

const README = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
const TABLE = README.slice(README.indexOf("| refused | why |"))
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.split("|"));

const unsupported = DEFINITIONS.filter((definition) => definition.unsupported !== undefined);

function startWith(...args: string[]): void {
  const asked = readConfig(args, {});
  if (asked.kind === "member") asked.check();
}

/** One that asks for something. */
function valueOf({ kind, initial, values }: FlagDefinition): string {
  if (kind === "bool") return initial === "true" ? "false" : "true";
  if (kind === "duration") return "77s";
  if (kind === "uint" || kind === "int") return "77";
  return values?.find((value) => value !== initial && value !== "") ?? "something";
}

describe.each(unsupported.map((definition) => [definition.name, definition] as const))(
  "--%s",
  (name, definition) => {
    test("is refused, with the reason that the README gives", () => {
      const { oldName, unsupported: reason = "" } = definition;
      for (const each of [name, ...(oldName === undefined ? [] : [oldName])]) {
        expect(() => startWith(`--${each}=${valueOf(definition)}`)).toThrow(
          `--${each} is not supported: ${reason}`,
        );
      }
      const row = TABLE.find(([, flags]) => flags?.includes(`\`--${name}\``));
      expect(row?.[2]?.replaceAll("`", "").replaceAll("--", "").trim()).toBe(
        reason.replaceAll("--", ""),
      );
    });

    test("may say what holds anyhow", () => {
      for (const value of [definition.initial, ...(definition.synonyms ?? [])]) {
        expect(() => startWith(`--${name}=${value}`)).not.toThrow();
      }
    });
  },
);

test("the README names what a file alone cannot have, with the reason", () => {
  const rows = TABLE.filter(([, named]) => named?.includes(":` in a file"));
  const named = rows.map(([, key = "", reason = ""]) => {
    return [/`([a-z-]+):`/.exec(key)?.[1], reason.replaceAll("`", "").trim()];
  });
  expect(named).toEqual(Object.entries(UNSUPPORTED_KEYS));
});

test("the README refuses nothing that is taken", () => {
  const named = TABLE.flatMap(([, flags]) => [...(flags ?? "").matchAll(/`--([a-z0-9-]+)`/g)]);
  const refused = new Set(unsupported.map(({ name }) => name));
  expect(named.map(([, name]) => name).filter((name) => !refused.has(name ?? ""))).toEqual([]);
  expect(named).toHaveLength(refused.size);
});

test("what only other words than a flag's name ask for is refused, too", () => {
  for (const [words, text] of [
    ["--feature-gates=SetMemberLocalAddr=true", "SetMemberLocalAddr=true is not supported"],
    ["--feature-gates=AllAlpha=true", "AllAlpha=true is not supported"],
    ["--log-outputs=systemd/journal", "--log-outputs=systemd/journal is not supported"],
    ["--listen-peer-urls=unix://a:1", "unix://a:1 is not supported"],
    ["--listen-peer-urls=UNIX://a:1", "unix://a:1 is not supported"],
    ["gateway", "'gateway' is not a valid flag"],
  ] as const) {
    expect(() => startWith(words)).toThrow(text);
  }
});
