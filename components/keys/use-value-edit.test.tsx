// @vitest-environment happy-dom
import { act, renderHook } from "@testing-library/react";
import { beforeEach, describe, expect, test } from "vitest";
import { dropDraft } from "@/lib/browser/drafts";
import { decodeUtf8, encodeUtf8 } from "@/lib/browser/key-text";
import { encodeBase64 } from "@/lib/schema/bytes";
import type { KeyValue } from "@/lib/schema/keys";
import { useValueEdit, type ValueEdit } from "./use-value-edit.ts";

const KEY = encodeBase64(encodeUtf8("/a"));

function keyValue(value: Uint8Array, modRevision: string): KeyValue {
  return {
    key: KEY,
    createRevision: "1",
    modRevision,
    version: "1",
    lease: "0",
    sizeBytes: value.length,
    value: encodeBase64(value),
  };
}

function edited(value: Uint8Array, modRevision = "5") {
  return renderHook(({ kv }) => useValueEdit("local", kv), {
    initialProps: { kv: keyValue(value, modRevision) },
  });
}

function bytesOf({ parsed }: ValueEdit): Uint8Array | null {
  return parsed.ok ? parsed.bytes : null;
}

describe("editing a value", () => {
  beforeEach(() => dropDraft("local", KEY));

  test("going through all forms changes no byte", () => {
    const value = encodeUtf8('{"a":1}\r\n');
    const { result } = edited(value);
    for (const form of ["text", "hex", "base64", "json", "text"] as const) {
      act(() => result.current.chooseForm(form));
      expect(result.current.form).toBe(form);
      expect(bytesOf(result.current)).toEqual(value);
      expect(result.current.isEdited).toBe(false);
    }
  });

  test("an edit survives a change of the key under it, and knows where it began", () => {
    const { result, rerender } = edited(encodeUtf8("one"));
    act(() => result.current.change("mine"));
    rerender({ kv: keyValue(encodeUtf8("theirs"), "6") });
    expect(result.current.text).toBe("mine");
    expect(result.current.baseRevision).toBe("5");
    expect(decodeUtf8(result.current.base)).toBe("one");
  });

  test("without an edit the newest value is shown", () => {
    const { result, rerender } = edited(encodeUtf8("one"));
    rerender({ kv: keyValue(encodeUtf8("two"), "6") });
    expect(result.current.text).toBe("two");
    expect(result.current.baseRevision).toBe("6");
  });

  test("what was typed and taken back is no edit", () => {
    const { result } = edited(encodeUtf8("one"));
    act(() => result.current.change("one!"));
    expect(result.current.isChanged).toBe(true);
    act(() => result.current.change("one"));
    expect(result.current.isEdited).toBe(false);
  });

  test("an edit goes on in another form with the same bytes", () => {
    const { result } = edited(encodeUtf8("one"));
    act(() => result.current.change("two"));
    act(() => result.current.chooseForm("hex"));
    expect(result.current.text).toBe("74 77 6f");
    expect(result.current.isChanged).toBe(true);
  });

  test("a form that cannot hold the bytes, or an unfinished edit, is not left silently", () => {
    const { result } = edited(Uint8Array.of(0xff, 0x01));
    expect(result.current.form).toBe("hex");
    act(() => result.current.chooseForm("text"));
    expect(result.current.form).toBe("hex");
    expect(result.current.refusal).not.toBeNull();
    act(() => result.current.change("ff 0"));
    act(() => result.current.chooseForm("base64"));
    expect(result.current.form).toBe("hex");
    expect(result.current.text).toBe("ff 0");
  });

  test("JSON that is not finished can be gone on with as text, and loses nothing", () => {
    const { result } = edited(encodeUtf8('{"a":1}'));
    act(() => result.current.change("{{ .Values.a }}"));
    expect(result.current.canShow("hex")).toBe(false);
    expect(result.current.canShow("text")).toBe(true);
    act(() => result.current.chooseForm("text"));
    expect(result.current.form).toBe("text");
    expect(bytesOf(result.current)).toEqual(encodeUtf8("{{ .Values.a }}"));
    expect(result.current.isChanged).toBe(true);
  });

  test("a file takes the value's place byte for byte, whatever form was shown", () => {
    const { result } = edited(encodeUtf8('{"a":1}'));
    for (const file of [encodeUtf8('{\n    "a": 1\n}\n'), Uint8Array.of(0, 0xff, 0x0a)]) {
      act(() => result.current.replace(file));
      expect(bytesOf(result.current)).toEqual(file);
      expect(result.current.isChanged).toBe(true);
    }
  });

  test("keeping an edit on top of theirs keeps the text and moves its beginning", () => {
    const { result } = edited(encodeUtf8("one"));
    act(() => result.current.change("mine"));
    act(() => result.current.rebase(keyValue(encodeUtf8("theirs"), "9")));
    expect(result.current.text).toBe("mine");
    expect(result.current.baseRevision).toBe("9");
    expect(decodeUtf8(result.current.base)).toBe("theirs");
  });
});
