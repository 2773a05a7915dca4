import { expect, test } from "vitest";
import { parseRevocations, serialOf } from "./revocations.ts";

/** A value of DER. */
function der(tag: number, parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head =
    length < 0x80 ? [tag, length] : [tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

const integer = (hex: string) => der(0x02, [Buffer.from(hex, "hex")]);
const time = der(0x17, [Buffer.from("261121120000Z")]);
const sequence = (...parts: readonly Buffer[]) => der(0x30, parts);
const entry = (hex: string) => sequence(integer(hex), time);

function list(entries: readonly Buffer[] | undefined, options: { bare?: boolean } = {}): Buffer {
  const algorithm = sequence();
  const parts = options.bare === true ? [algorithm] : [integer("01"), algorithm];
  const dates = options.bare === true ? [time] : [time, time];
  const revoked = entries === undefined ? [] : [der(0x30, entries)];
  return sequence(sequence(...parts, sequence(), ...dates, ...revoked), algorithm, der(0x03, []));
}

test("all serial numbers of a list are found, whatever their length", () => {
  const serials = ["01", "009f8623cc1675ebd9", "7fffffffffffffffffffffffffffffff"];
  expect([...parseRevocations(list(serials.map(entry)))]).toEqual([
    "1",
    "9f8623cc1675ebd9",
    "7fffffffffffffffffffffffffffffff",
  ]);
});

test("a list may leave out its version, its next date and its entries", () => {
  expect([...parseRevocations(list([entry("05")], { bare: true }))]).toEqual(["5"]);
  expect(parseRevocations(list(undefined)).size).toBe(0);
  expect(parseRevocations(list([])).size).toBe(0);
});

test("the same list is read as PEM", () => {
  const text = list([entry("0abc")])
    .toString("base64")
    .replace(/(.{64})/g, "$1\n");
  const pem = `-----BEGIN X509 CRL-----\n${text}\n-----END X509 CRL-----\n`;
  expect([...parseRevocations(Buffer.from(pem))]).toEqual(["abc"]);
});

test("a hundred thousand entries are read in one go", () => {
  const entries = Array.from({ length: 100_000 }, (_, at) =>
    entry((at + 1).toString(16).padStart(8, "0")),
  );
  expect(parseRevocations(list(entries)).size).toBe(100_000);
});

test("a list cut anywhere, or anything else, is refused and never read beyond its end", () => {
  const whole = list([entry("0102"), entry("0304")]);
  for (let length = 0; length < whole.length; length++) {
    expect(() => parseRevocations(whole.subarray(0, length))).toThrow("malformed crl");
  }
  expect(() => parseRevocations(Buffer.from("no list at all"))).toThrow("malformed crl");
  expect(() => parseRevocations(Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff]))).toThrow();
});

test("serial numbers are compared as numbers", () => {
  expect(serialOf("00AB")).toBe("ab");
  expect(serialOf("0")).toBe("0");
});
