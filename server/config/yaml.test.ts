import { expect, test } from "vitest";
import { parseYaml } from "./yaml.ts";

const valueOf = (scalar: string) =>
  (parseYaml(`key: ${scalar}`) as Map<string, unknown>).get("key");

test.each([
  ["0o144", 100n],
  ["-0O_1_44_", -100n],
  ["0144", 100n],
  ["0X64", 100n],
  ["0B11", 3n],
  ["1_00", 100n],
  ["2020-01-01", "2020-01-01"],
  ["12:30", "12:30"],
  ["off", false],
  ["!!binary YWJj", "abc"],
  ["!!str 5", "5"],
  ["1.5", 1.5],
])("%s is what it is to Go", (scalar, value) => {
  expect(valueOf(scalar)).toEqual(value);
});

test.each([
  ["a: .inf", "json: unsupported value: +Inf"],
  ["a: [-.inf]", "json: unsupported value: -Inf"],
  ["a: {b: .nan}", "json: unsupported value: NaN"],
  ["null: b", "yaml: invalid map key"],
  ["? [a]\n: b", "yaml: invalid map key"],
  ["? {a: b}\n: b", "yaml: invalid map key"],
  ["a: !!binary x-", "yaml: !!binary value contains invalid base64 data"],
  ["a: b: c", "yaml: "],
  ["a: *b", "yaml: "],
])("%j is refused", (text, problem) => {
  expect(() => parseYaml(text)).toThrow(problem);
});

test("of keys that differ in case alone the last in the order of bytes counts", () => {
  for (const text of ["name: a\nNAME: b\nName: c", "NAME: b\nname: a"]) {
    expect(parseYaml(text)).toEqual(new Map([["name", "a"]]));
  }
  expect(parseYaml("{5: a, true: b, Inner: {X: 1.5}}\n---\nc: d")).toEqual(
    new Map<string, unknown>([
      ["5", "a"],
      ["inner", new Map([["x", 1.5]])],
      ["true", "b"],
    ]),
  );
});

test("keys can be taken over from elsewhere, and a set is a mapping", () => {
  const shared = "a: &a {x: 1.5}\nb: {<<: *a, w: 2.5}\nc: !!set {z}";
  const parsed = parseYaml(shared) as Map<string, unknown>;
  expect(parsed.get("b")).toEqual(
    new Map([
      ["x", 1.5],
      ["w", 2.5],
    ]),
  );
  expect(parsed.get("c")).toEqual(new Map([["z", null]]));
});
