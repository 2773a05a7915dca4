import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type MessageDescriptor, messageDescriptor, methodDescriptors } from "./descriptors.ts";
import {
  AuthUserListResponse,
  LeaseGrantResponse,
  RangeRequest,
  TxnRequest,
  WatchRequest,
  WatchResponse,
} from "./gen/rpc.ts";
import { decodeJson } from "./json-decoder.ts";
import { jsonPieces } from "./json-encoder.ts";
import { parseInteger } from "./json-number.ts";
import { JsonScanner } from "./json-scanner.ts";
import { MessageTooLargeError } from "./message-builder.ts";

const RANGE = messageDescriptor("etcdserverpb.RangeRequest");
const TXN = messageDescriptor("etcdserverpb.TxnRequest");
const WATCH_REQUEST = messageDescriptor("etcdserverpb.WatchRequest");
const WATCH = messageDescriptor("etcdserverpb.WatchResponse");
const BYTES_MAX = 2 * 1024 * 1024;

function bytesOf(writer: { finish(): Uint8Array }): Buffer {
  return Buffer.from(writer.finish());
}

function encodeJson(message: MessageDescriptor, bytes: Buffer): string {
  return [...jsonPieces(message, bytes)].join("");
}

describe("scanning", () => {
  const VALUES = ['{"a":[1,-2.5e+3,{"b":"\\u00e9\\"}"}],"c":null}', "[]", "true", '"x]"', "{}"];

  test("a value ends where it ends, wherever its bytes are cut", () => {
    for (const value of VALUES) {
      const bytes = Buffer.from(` ${value} {`);
      for (let cut = 0; cut <= bytes.length; cut++) {
        const scanner = new JsonScanner();
        const first = scanner.scan(bytes.subarray(0, cut), 0);
        const end = first ?? cut + (scanner.scan(bytes.subarray(cut), 0) ?? Number.NaN);
        expect(end, `${value} cut at ${cut}`).toBe(value.length + 1);
      }
    }
  });

  test("what JSON.parse accepts is accepted, what it refuses is refused", () => {
    const letters = fc.constantFrom(...'{}[]:,"\\ue01.-+tn l'.split(""));
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string({ unit: letters, maxLength: 12 })), (text) => {
        const wrapped = `[${text}]`;
        let isJson = true;
        try {
          JSON.parse(wrapped);
        } catch {
          isJson = false;
        }
        let end: number | undefined;
        try {
          end = new JsonScanner().scan(Buffer.from(wrapped), 0);
        } catch {
          end = undefined;
        }
        expect(end === Buffer.byteLength(wrapped)).toBe(isJson);
      }),
    );
  });

  test("nesting has a limit, and none of the stack's", () => {
    const deep = (depth: number) => Buffer.from("[".repeat(depth));
    expect(new JsonScanner().scan(deep(10_000), 0)).toBeUndefined();
    expect(() => new JsonScanner().scan(deep(10_001), 0)).toThrow(
      "invalid character '[' exceeded max depth",
    );
  });
});

describe("messages", () => {
  test("any message comes back from its JSON as it was", () => {
    const bytes = fc.uint8Array({ maxLength: 12 }).map((each) => Buffer.from(each));
    const request = fc.record({
      key: bytes,
      rangeEnd: bytes,
      limit: fc.maxSafeInteger(),
      revision: fc.maxSafeInteger(),
      sortOrder: fc.constantFrom(0, 1, 2) as fc.Arbitrary<0 | 1 | 2>,
      serializable: fc.boolean(),
    });
    fc.assert(
      fc.property(request, (fields) => {
        const encoded = bytesOf(RangeRequest.encode(RangeRequest.fromPartial(fields)));
        const json = encodeJson(RANGE, encoded);
        expect(JSON.parse(json)).toBeTypeOf("object");
        expect(decodeJson(RANGE, Buffer.from(json), BYTES_MAX)).toEqual(encoded);
      }),
    );
  });

  test("a member of a oneof is there when it is zero, anything else is not", () => {
    const json = Buffer.from(
      '{"compare":[{"key":"Zm9v","version":"0"}],"success":[{"requestPut":{}},{}]}',
    );
    const bytes = decodeJson(TXN, json, BYTES_MAX);
    expect(TxnRequest.decode(bytes)).toMatchObject({
      compare: [{ version: 0n, lease: undefined }],
      success: [{ requestPut: { value: Buffer.alloc(0) } }, { requestPut: undefined }],
    });
    expect(encodeJson(TXN, bytes)).toBe(
      '{"compare":[{"key":"Zm9v","version":"0"}],"success":[{"request_put":{}},{}]}',
    );
  });

  test("64-bit numbers are strings, enums names, and ids may be negative", () => {
    const response = WatchResponse.fromPartial({
      watchId: -1n,
      events: [{ type: 1, kv: { key: Buffer.from([255, 254]), lease: 2n ** 62n } }],
    });
    expect(encodeJson(WATCH, bytesOf(WatchResponse.encode(response)))).toBe(
      '{"watch_id":"-1","events":[{"type":"DELETE","kv":{"key":"//4=","lease":"4611686018427387904"}}]}',
    );
    const grant = messageDescriptor("etcdserverpb.LeaseGrantResponse");
    const text = LeaseGrantResponse.fromPartial({ error: 'a "b" <é>\u0001' });
    expect(encodeJson(grant, bytesOf(LeaseGrantResponse.encode(text)))).toBe(
      '{"error":"a \\"b\\" <é>\\u0001"}',
    );
  });

  test("text that is no UTF-8 has no JSON, and nothing of its message is given out", () => {
    const users = messageDescriptor("etcdserverpb.AuthUserListResponse");
    const list = (...names: string[]) =>
      bytesOf(AuthUserListResponse.encode({ header: undefined, users: names }));
    expect(encodeJson(users, list("a", "\ufffd"))).toBe('{"users":["a","\ufffd"]}');
    const pieces = jsonPieces(users, list("a", "b\udce4", "c"));
    expect(() => pieces.next()).toThrow(
      "proto: field etcdserverpb.AuthUserListResponse.users contains invalid UTF-8",
    );
  });

  test("bytes are taken in every base64, numbers in every notation of whole ones", () => {
    const decoded = (json: string) =>
      RangeRequest.decode(decodeJson(RANGE, Buffer.from(json), BYTES_MAX));
    expect(decoded('{"key":"_-8="}').key).toEqual(Buffer.from([0xff, 0xef]));
    expect(decoded('{"key":"/+8"}').key).toEqual(Buffer.from([0xff, 0xef]));
    for (const bad of ["_+8=", "Zm9v=", "Z", "Zg=v", "Zm9v\\n"]) {
      expect(() => decoded(`{"key":"${bad}"}`)).toThrow("invalid value for bytes field key");
    }
    expect(parseInteger("1500e-2")).toBe(15n);
    expect(parseInteger("-0.0")).toBe(0n);
    expect(parseInteger("1e999999999")).toBeUndefined();
    expect(parseInteger("0.5")).toBeUndefined();
  });

  test("a number is whole or not, whatever zeros it is written with", () => {
    const zeros = "0".repeat(1_000_000);
    expect(parseInteger(`0.${zeros}`)).toBe(0n);
    expect(parseInteger(`15.${zeros}`)).toBe(15n);
    expect(parseInteger(`-1.50${zeros}e1`)).toBe(-15n);
    expect(parseInteger(`0.${zeros}1`)).toBeUndefined();
    expect(parseInteger(`0.${zeros}12e1000002`)).toBe(12n);
    expect(parseInteger(`15${zeros}e-1000000`)).toBe(15n);
    expect(parseInteger(`15${zeros}e-1000001`)).toBeUndefined();
    expect(parseInteger(`15${zeros}`)).toBeUndefined();
    expect(parseInteger(`1.${`${zeros.slice(1)}1`.repeat(4)}`)).toBeUndefined();
  });

  test("what is not known is passed over, whatever it is", () => {
    const decoded = (unknown: string) => {
      const json = Buffer.from(`{"x":${unknown},"limit":7,"y":${unknown}}`);
      expect(new JsonScanner().scan(json, 0)).toBe(json.length);
      return RangeRequest.decode(decodeJson(RANGE, json, BYTES_MAX)).limit;
    };
    fc.assert(
      fc.property(fc.json(), (unknown) => {
        expect(decoded(unknown)).toBe(7);
      }),
    );
    for (const unknown of [
      "-1.5e3",
      '"]}\\"\\\\"',
      '[{"}":"]"},[[]],"é\\ud83d\\uDE00"]',
      '"\\uD7ff"',
    ]) {
      expect(decoded(unknown)).toBe(7);
    }
  });

  test("a string is as wrong in what is not known as elsewhere", () => {
    const notUnicode = Buffer.from([0xc3]);
    const wrong = (text: string | Buffer) =>
      ['{"key":"', '{"no":"', '{"x":[{"y":"'].map((before) => {
        const json = Buffer.concat([Buffer.from(before), Buffer.from(text), Buffer.from('"}]}')]);
        try {
          decodeJson(RANGE, json, BYTES_MAX);
          return "nothing";
        } catch (thrown) {
          return String(thrown).replace(/^.*: /, "");
        }
      });
    const unicode = Array(3).fill("invalid UTF-8 in string");
    expect(wrong(notUnicode)).toEqual(unicode);
    expect(wrong(Buffer.concat([notUnicode, Buffer.from("\\ud83d")]))).toEqual(unicode);
    for (const half of ["\\ud83d", "\\ude00", "\\uD83D\\u0041", "\\ud83d\\\\ude00"]) {
      for (const text of wrong(`${half} and more`)) expect(text).toMatch(/^invalid escape code/);
    }
  });

  test("nesting without end is an error, not a stack overflow", () => {
    const open = '{"success":[{"request_txn":';
    const json = Buffer.from(`${open.repeat(600)}{}${"}]}".repeat(600)}`);
    expect(() => decodeJson(TXN, json, BYTES_MAX)).toThrow("exceeded max recursion depth");
  });
});

test("the text of a message may be any depth, without the stack's help", () => {
  const depth = 4_000;
  const within = (tag: number, bytes: Buffer) => {
    const { length } = bytes;
    const varint = [(length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14];
    return Buffer.concat([Buffer.from([tag, ...varint]), bytes]);
  };
  let bytes = Buffer.from([0x10, 1]);
  for (let level = 0; level < depth; level++) bytes = within(0x1a, within(0x22, bytes));
  const text = encodeJson(messageDescriptor("etcdserverpb.TxnResponse"), bytes);
  const open = '{"responses":[{"response_txn":';
  expect(text).toBe(`${open.repeat(depth)}{"succeeded":true}${"}]}".repeat(depth)}`);
});

test("the first elements of a list are told before the others are read", () => {
  const events = [{ kv: { key: Buffer.from("a") } }, { kv: { key: Buffer.from("b") } }];
  const whole = bytesOf(WatchResponse.encode(WatchResponse.fromPartial({ events, watchId: 7n })));
  const pieces = jsonPieces(WATCH, Buffer.concat([whole, Buffer.from([0xff])]));
  let text = "";
  expect(() => {
    for (const piece of pieces) text += piece;
  }).toThrow("message cut short");
  expect(text).toBe('{"watch_id":"7","events":[{"kv":{"key":"YQ=="}},{"kv":{"key":"Yg=="}}');
  const late = Buffer.concat([whole, whole]);
  expect(() => encodeJson(WATCH, late)).toThrow("field 2 behind field 11");
});

describe("size", () => {
  const many = (item: string, count: number) => Array(count).fill(item).join(",");

  test("a message within another may have any number of parts", () => {
    const count = 200_000;
    const filters = `{"create_request":{"filters":[${many("0", count)}]}}`;
    const watch = decodeJson(WATCH_REQUEST, Buffer.from(filters), BYTES_MAX);
    expect(WatchRequest.decode(watch).createRequest?.filters).toHaveLength(count);
    const nested = `{"success":[{"request_txn":{"compare":[${many("{}", count)}]}}]}`;
    const txn = TxnRequest.decode(decodeJson(TXN, Buffer.from(nested), BYTES_MAX));
    expect(txn.success[0]?.requestTxn?.compare).toHaveLength(count);
  });

  test("a message is as large as it says at every depth, wherever lengths grow by a byte", () => {
    for (const count of [0, 62, 63, 64, 8_189, 8_190, 8_192]) {
      const inner = `{"compare":[${many("{}", count)}]}`;
      const json = `{"success":[{"request_txn":${inner}},{"request_txn":${inner}}]}`;
      const decoded = decodeJson(TXN, Buffer.from(json), BYTES_MAX);
      const compare = Array.from({ length: count }, () => ({}));
      const requestTxn = { compare };
      const wanted = TxnRequest.fromPartial({ success: [{ requestTxn }, { requestTxn }] });
      expect(decoded).toEqual(bytesOf(TxnRequest.encode(wanted)));
      expect(decodeJson(TXN, Buffer.from(json), decoded.length)).toEqual(decoded);
      const small = () => decodeJson(TXN, Buffer.from(json), decoded.length - 1);
      expect(small).toThrow(MessageTooLargeError);
    }
  });

  test("of JSON that makes too much, no more is read than that takes", () => {
    const json = Buffer.from(`{"compare":[${many("{}", 501)},"no comparison"]}`);
    expect(() => decodeJson(TXN, json, 1_001)).toThrow(MessageTooLargeError);
    expect(() => decodeJson(TXN, json, 1_003)).toThrow("unexpected token");
  });
});

test("every message that a method names is described", () => {
  const methods = methodDescriptors();
  expect(methods.length).toBeGreaterThan(40);
  for (const { path, request, response } of methods) {
    expect([path, request.fields, response.fields]).not.toContain(undefined);
  }
});
