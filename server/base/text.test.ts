import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeText, encodeText } from "./text.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

test.each([
  ["", ""],
  ["70 e4 73", "p\udce4s"],
  ["ef bb bf 61", "\ufeffa"],
  // Characters cut short, too long, of half a pair, beyond the last.
  ["e2 82", "\udce2\udc82"],
  ["f0 9f 98", "\udcf0\udc9f\udc98"],
  ["c0 80 c1 bf", "\udcc0\udc80\udcc1\udcbf"],
  ["e0 9f bf", "\udce0\udc9f\udcbf"],
  ["ed b3 a4", "\udced\udcb3\udca4"],
  ["f0 8f bf bf", "\udcf0\udc8f\udcbf\udcbf"],
  ["f4 90 80 80 f5", "\udcf4\udc90\udc80\udc80\udcf5"],
  ["80 c3 a4 e2 82 ac ed 9f bf f0 9f 98 80 f4 8f bf bf ff", "\udc80ä€\ud7ff😀\u{10ffff}\udcff"],
])("%s", (bytes, text) => {
  expect(decodeText(hex(bytes))).toBe(text);
  expect(encodeText(text)).toEqual(hex(bytes));
});

test("any bytes come back from their text as they were", () => {
  const odd = fc.constantFrom(0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xa0, 0xef, 0xf0, 0x90, 0xf4, 0xff);
  const byte = fc.oneof(odd, fc.nat(255));
  const pieces = fc.oneof(
    fc.array(byte, { maxLength: 6 }).map((list) => Buffer.from(list)),
    fc.string({ unit: "binary", maxLength: 6 }).map((text) => Buffer.from(text)),
  );
  const property = fc.property(fc.array(pieces, { maxLength: 6 }), (list) => {
    const bytes = Buffer.concat(list);
    const text = decodeText(bytes);
    expect(encodeText(text)).toEqual(bytes);
    // What Go's decoder finds: one replacement for each byte of no character.
    const shown = text.replaceAll(/[\udc80-\udcff]/gu, "\ufffd");
    expect(text.toWellFormed()).toBe(shown);
    expect(shown.replaceAll("\ufffd", "")).toBe(bytes.toString().replaceAll("\ufffd", ""));
  });
  fc.assert(property, { numRuns: 1_000, seed: 7 });
});

test("text is encoded as ever, with halves of pairs that stand for no byte too", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(decodeText(encodeText(text))).toBe(text);
      expect(encodeText(`${text}\udcff`)).toEqual(
        Buffer.concat([Buffer.from(text), Buffer.of(0xff)]),
      );
    }),
    { seed: 7 },
  );
  for (const half of ["\ud800", "\udbff", "\udc00", "\udc7f", "\udd00", "\udfff"]) {
    expect(encodeText(half)).toEqual(Buffer.from("\ufffd"));
  }
});
