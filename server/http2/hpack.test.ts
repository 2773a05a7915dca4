import { expect, test } from "vitest";
import { SeededRandom } from "../base/random.ts";
import { HpackDecoder } from "./hpack.ts";
import { ConnectionError, ErrorCode } from "./protocol.ts";

function decode(decoder: HpackDecoder, hex: string): [string, string][] {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const fields = decoder.decode(bytes, 0, bytes.length) ?? [];
  return fields.map(({ name, value }) => [name, value]);
}

const FIRST = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "www.example.com"],
];
const SECOND = [...FIRST, ["cache-control", "no-cache"]];
const THIRD = [
  [":method", "GET"],
  [":scheme", "https"],
  [":path", "/index.html"],
  [":authority", "www.example.com"],
  ["custom-key", "custom-value"],
];

test("RFC 7541 C.3: requests without Huffman code share one dynamic table", () => {
  const decoder = new HpackDecoder(4096);
  expect(decode(decoder, "828684410f7777772e6578616d706c652e636f6d")).toEqual(FIRST);
  expect(decode(decoder, "828684be58086e6f2d6361636865")).toEqual(SECOND);
  const third = "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565";
  expect(decode(decoder, third)).toEqual(THIRD);
});

test("RFC 7541 C.4: requests with Huffman code", () => {
  const decoder = new HpackDecoder(4096);
  expect(decode(decoder, "828684418cf1e3c2e5f23a6ba0ab90f4ff")).toEqual(FIRST);
  expect(decode(decoder, "828684be5886a8eb10649cbf")).toEqual(SECOND);
  expect(decode(decoder, "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf")).toEqual(THIRD);
});

test("RFC 7541 C.6: entries leave a table of 256 bytes, oldest first", () => {
  const decoder = new HpackDecoder(4096);
  const responses = [
    "3fe101 488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
    "4883640effc1c0bf",
    "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
  ];
  const decoded = responses.map((hex) => decode(decoder, hex));
  expect(decoded[1]).toEqual([
    [":status", "307"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ["location", "https://www.example.com"],
  ]);
  expect(decoded[2]).toEqual([
    [":status", "200"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:22 GMT"],
    ["location", "https://www.example.com"],
    ["content-encoding", "gzip"],
    ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
  ]);
  expect(() => decode(decoder, "c1")).toThrow(ConnectionError);
});

test("a block that moves the table's limit means something else when it comes again", () => {
  const decoder = new HpackDecoder(1 << 20);
  const moves = (hex: string) => {
    const before = decoder.generation;
    decode(decoder, hex);
    return decoder.generation !== before;
  };
  expect(moves("82")).toBe(false);
  expect(moves("3fe11f 82")).toBe(false);
  expect(moves("20 82")).toBe(true);
  expect(moves("20 82")).toBe(false);
  expect(moves("3fe11f 82")).toBe(true);
  decode(decoder, "4001610162");
  expect(decode(decoder, "be")).toEqual([["a", "b"]]);
});

test("a field larger than the table empties it", () => {
  const decoder = new HpackDecoder(1 << 20);
  decode(decoder, "4001610162");
  expect(decode(decoder, "be")).toEqual([["a", "b"]]);
  const large = `4001617fa13f${"62".repeat(8096 + 128)}`;
  expect(decode(decoder, large)[0]?.[1]).toHaveLength(8224);
  expect(() => decode(decoder, "be")).toThrow(ConnectionError);
});

test("whatever the bytes, a broken block is a compression error and nothing else", () => {
  const broken = [
    "80", // index 0
    "be", // an empty dynamic table
    "ffffffffffff7f", // an index without end
    "ff80808080808080808080", // the same, of zeroes
    "40", // a name is missing
    "4005616263", // a name is cut off
    "0001", // nothing behind the length
    "000161", // a value is missing
    "008161", // Huffman padding that is not ones
    "0082ffff", // Huffman padding of more than seven bits
    "0084ffffffff", // EOS
    "823fe11f", // a size update behind a field
    "3fe21f", // a size above ours
  ];
  for (const hex of broken) {
    const attempt = () => decode(new HpackDecoder(4096), hex);
    expect(attempt, hex).toThrow(expect.objectContaining({ code: ErrorCode.COMPRESSION_ERROR }));
  }
});

test("random blocks end in fields or in a compression error, and the table stays bounded", () => {
  const random = new SeededRandom(1);
  let decoder = new HpackDecoder(65_536);
  let blocks = 0;
  for (let run = 0; run < 20_000; run++) {
    const bytes = random.bytes(1 + random.below(40));
    try {
      decoder.decode(bytes, 0, bytes.length);
      blocks++;
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(ConnectionError);
      decoder = new HpackDecoder(65_536);
    }
  }
  expect(blocks).toBeGreaterThan(100);
});

test("a few bytes that repeat a long entry are counted, not kept", () => {
  const decoder = new HpackDecoder(65_536);
  const value = "62".repeat(3000);
  decode(decoder, `4001617fb916${value}`);
  const bomb = Buffer.alloc(60_000, 0xbe);
  expect(decoder.decode(bomb, 0, bomb.length)).toBeUndefined();
  expect(decode(decoder, "be")).toHaveLength(1);
});
