import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8, formatKey, parseKey, prefixEnd } from "./key-text.ts";

const bytesOf = (text: string) => {
  const parsed = parseKey(text);
  return parsed.ok ? parsed.bytes : parsed.error;
};

/** Of all lengths in UTF-8. `fc.string({ unit: "binary" })` takes a second to be made. */
const character = fc
  .oneof(fc.nat(0x7f), fc.nat(0x7ff), fc.nat(0xd7ff), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((point) => String.fromCodePoint(point));
const anyText = fc.array(character, { maxLength: 30 }).map((characters) => characters.join(""));

describe("key notation", () => {
  test("any bytes come back the same through their notation", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(bytesOf(formatKey(bytes))).toEqual(bytes);
      }),
    );
  });

  test("any text comes back the same through its notation", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const bytes = encodeUtf8(text);
        expect(bytesOf(formatKey(bytes))).toEqual(bytes);
      }),
    );
  });

  test("ordinary keys read as they are, in any script", () => {
    for (const key of ["/registry/pods/default/web-0", "größe/日本", "a b", ""]) {
      expect(formatKey(encodeUtf8(key))).toBe(key);
    }
  });

  test("bytes that are no UTF-8 are escaped one by one, the rest stays text", () => {
    expect(formatKey(Uint8Array.of(0x61, 0xff, 0xc3, 0x28, 0x62))).toBe("a\\xff\\xc3(b");
  });

  test("what is invisible or could deceive is escaped", () => {
    expect(formatKey(encodeUtf8("a\u202eb"))).toBe("a\\xe2\\x80\\xaeb");
    expect(formatKey(encodeUtf8("a\u00a0b\n\0"))).toBe("a\\xc2\\xa0b\\x0a\\x00");
    expect(formatKey(encodeUtf8("\ufeffa"))).toBe("\\xef\\xbb\\xbfa");
  });

  test("a backslash is doubled, so that no key can pose as another", () => {
    expect(formatKey(encodeUtf8("\\xff"))).toBe("\\\\xff");
    expect(bytesOf("\\\\xff")).toEqual(encodeUtf8("\\xff"));
  });

  test("an unfinished escape is refused with its place", () => {
    expect(bytesOf("ab\\x4")).toContain("position 3");
    expect(bytesOf("\\n")).toContain("position 1");
  });
});

describe("prefix end", () => {
  test("the last byte below 0xff is raised and the rest cut", () => {
    expect(prefixEnd(encodeUtf8("/foo/"))).toEqual(encodeUtf8("/foo0"));
    expect(prefixEnd(Uint8Array.of(0x61, 0xff))).toEqual(Uint8Array.of(0x62));
  });

  test("a prefix without an upper neighbour ends at the end of all keys", () => {
    expect(prefixEnd(Uint8Array.of(0xff))).toEqual(Uint8Array.of(0));
    expect(prefixEnd(new Uint8Array(0))).toEqual(Uint8Array.of(0));
  });
});
