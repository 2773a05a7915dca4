import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { spacedJson } from "./json-text.ts";
import { encodeUtf8 } from "./key-text.ts";
import { likelyForm, parseValue, showValue, type ValueForm } from "./value-form.ts";

function roundTrip(bytes: Uint8Array, form: ValueForm) {
  const shown = showValue(bytes, form);
  if (shown === null) return null;
  const parsed = parseValue(shown, form);
  return parsed.ok ? parsed.bytes : parsed.error;
}

describe("value forms", () => {
  test("hex and base64 hold any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(roundTrip(bytes, "hex")).toEqual(bytes);
        expect(roundTrip(bytes, "base64")).toEqual(bytes);
      }),
    );
  });

  test("text holds every valid UTF-8, byte order mark and carriage returns included", () => {
    for (const text of ["", "a\r\nb\rc\n", "\ufeffbom", "nul\0", "日本"]) {
      const bytes = encodeUtf8(text);
      expect(roundTrip(bytes, "text")).toEqual(bytes);
    }
  });

  test("what is no UTF-8 is never shown as text", () => {
    const bytes = Uint8Array.of(0x61, 0xff);
    expect(showValue(bytes, "text")).toBeNull();
    expect(showValue(bytes, "json")).toBeNull();
  });

  test("JSON on one line is spread out to be edited and one line again when saved", () => {
    const base = encodeUtf8('{"a":1,"b":[]}');
    const shown = showValue(base, "json") ?? "";
    expect(shown).toContain("\n");
    expect(parseValue(shown, "json", base)).toEqual({ ok: true, bytes: base });
    const spread = encodeUtf8('{ "a": 1 }');
    expect(parseValue('{ "a": 2 }', "json", spread)).toEqual({
      ok: true,
      bytes: encodeUtf8('{ "a": 2 }'),
    });
  });

  test("JSON on one line keeps its style and what stands around it, whoever wrote it", () => {
    const documents = fc.oneof(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.array(fc.jsonValue()),
    );
    const around = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
    fc.assert(
      fc.property(documents, fc.boolean(), around, around, (value, isSpaced, before, after) => {
        const compact = JSON.stringify(value);
        const text = before + (isSpaced ? spacedJson(compact) : compact) + after;
        const bytes = encodeUtf8(text);
        const shown = showValue(bytes, "json") ?? "";
        expect(parseValue(shown, "json", bytes)).toEqual({ ok: true, bytes });
      }),
    );
    const echoed = encodeUtf8('{"a": 1, "b": [1, 2]}\n');
    expect(parseValue('{\n  "a": 2\n}', "json", echoed)).toEqual({
      ok: true,
      bytes: encodeUtf8('{"a": 2}\n'),
    });
  });

  test("JSON that stands on several lines is shown and saved with its own", () => {
    const tabs = '{\n\t"a": 1,\n\n\t"b": [1,2]\n}\n';
    const bytes = encodeUtf8(tabs);
    expect(showValue(bytes, "json")).toBe(tabs);
    expect(parseValue(tabs, "json", bytes)).toEqual({ ok: true, bytes });
  });

  test("hex takes any spacing and refuses half bytes and other letters", () => {
    expect(parseValue("61 62\n6 3", "hex")).toEqual({ ok: true, bytes: encodeUtf8("abc") });
    expect(parseValue("616", "hex").ok).toBe(false);
    expect(parseValue("6g", "hex").ok).toBe(false);
  });

  test("base64 refuses what an encoder would not have written", () => {
    expect(parseValue("YWI=", "base64")).toEqual({ ok: true, bytes: encodeUtf8("ab") });
    for (const text of ["YWI", "Y=I=", "YW!=", "Y==="]) {
      expect(parseValue(text, "base64").ok).toBe(false);
    }
  });

  test("the likely form is JSON for documents, text for text, hex for the rest", () => {
    expect(likelyForm(encodeUtf8(' {"a":1}'))).toBe("json");
    expect(likelyForm(encodeUtf8("{not json"))).toBe("text");
    expect(likelyForm(encodeUtf8("42"))).toBe("text");
    expect(likelyForm(encodeUtf8("k8s\0\u0001\u0002"))).toBe("hex");
    expect(likelyForm(Uint8Array.of(0xff))).toBe("hex");
    expect(likelyForm(new Uint8Array(0))).toBe("text");
  });
});
