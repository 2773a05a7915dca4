import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readConfig } from "./read-config.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-config-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function configOf(yaml: string) {
  const path = join(folder, "member.yaml");
  writeFileSync(path, yaml);
  const asked = readConfig([`--config-file=${path}`], {});
  if (asked.kind !== "member") throw new Error("no member was asked for");
  return asked.config;
}

test("a validity of no years at all is the default in a file", () => {
  expect(configOf("self-signed-cert-validity: 0").selfSignedCertValidityYears).toBe(1);
  expect(configOf("self-signed-cert-validity: 3").selfSignedCertValidityYears).toBe(3);
  expect(configOf("name: m").selfSignedCertValidityYears).toBe(1);
});

test("discovery by another cluster is refused, unless the key has no value", () => {
  expect(configOf("discovery-config:\nname: m").name).toBe("m");
  expect(() => configOf("discovery-config:\n  token: t")).toThrow(
    "discovery-config is not supported: " +
      "members find each other by initial-cluster or discovery-srv",
  );
});
