import fc from "fast-check";
import { expect, test } from "vitest";
import { checkJson, formatJson, minifyJson } from "./json-text.ts";

test("formatting changes white space only", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const formatted = formatJson(text);
      expect(JSON.parse(formatted)).toEqual(JSON.parse(text));
      expect(minifyJson(formatted)).toBe(minifyJson(text));
    }),
  );
});

test("formatting a formatted text changes nothing, and agrees with two-space indentation", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const formatted = formatJson(JSON.stringify(value));
      expect(formatted).toBe(JSON.stringify(value, null, 2));
      expect(formatJson(formatted)).toBe(formatted);
    }),
  );
});

test("numbers beyond 2^53, trailing zeros and repeated names survive", () => {
  const text = '{"id":9223372036854775807,"v":1.0,"a":1,"a":2,"s":"x{\\"},:"}';
  expect(minifyJson(formatJson(text))).toBe(text);
});

test("a fault is named with line and column", () => {
  expect(checkJson('{"a":1}')).toEqual({ ok: true });
  const check = checkJson('{\n  "a": 1,\n}');
  expect(check.ok).toBe(false);
  if (!check.ok) expect(check.error).toMatch(/line 3/);
});
