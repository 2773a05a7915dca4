import { expect, test } from "vitest";
import { encodeRangeEnd, encodeRecords } from "../apply/response.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { finish } from "../base/steps.ts";
import { EtcdError } from "../errors.ts";
import { PutResponse, RangeResponse } from "../proto/gen/rpc.ts";
import { COPIED_BYTES, HEADER_ROOM, Headers } from "./header.ts";

test.each([
  [1n, 1n, 1, 1],
  [0xffff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 2 ** 52, 300],
  [7n, 2n ** 63n - 1n, 0, 0],
])(
  "a header is encoded as the generated code does (%s, %s)",
  (clusterId, memberId, revision, raftTerm) => {
    const headers = new Headers({
      clusterId,
      memberId,
      term: () => raftTerm,
      revision: () => revision,
    });
    const expected = PutResponse.encode({ header: headers.now(), prevKv: undefined }).finish();
    expect(headers.reply({ revision, chunks: [] })).toEqual(Buffer.from(expected));
  },
);

test("an answer in pieces is one message", () => {
  const headers = new Headers({ clusterId: 1n, memberId: 2n, term: () => 3, revision: () => 4 });
  const record = Buffer.from("0a0161", "hex");
  const chunks = [encodeRecords([record, record]), encodeRangeEnd(true, 9)];
  const reply = headers.reply({ revision: 4, chunks });
  expect(finish(headers.replying({ revision: 4, chunks }))).toEqual(reply);
  const response = RangeResponse.decode(reply);
  expect(response.header).toEqual({ clusterId: 1n, memberId: 2n, revision: 4, raftTerm: 3 });
  expect(response.kvs.map((kv) => kv.key.toString())).toEqual(["a", "a"]);
  expect([response.more, response.count]).toEqual([true, 9]);
});

test("a long answer is copied in slices", () => {
  const headers = new Headers({ clusterId: 1n, memberId: 2n, term: () => 3, revision: () => 4 });
  const chunks = ["a", "b", "c"].map((letter) => Buffer.alloc(COPIED_BYTES, letter));
  const steps = headers.replying({ revision: 4, chunks });
  for (let pauses = 1; pauses < chunks.length; pauses++) expect(steps.next().done).toBe(false);
  const { value } = steps.next();
  expect(headers.reply({ revision: 4, chunks }).equals(value ?? EMPTY_BYTES)).toBe(true);
});

test("a header is written in front of an answer that has room for it", () => {
  const headers = new Headers({ clusterId: 1n, memberId: 2n, term: () => 3, revision: () => 4 });
  const chunks = [Buffer.from("0a0161", "hex")];
  const bytes = Buffer.concat([Buffer.alloc(HEADER_ROOM), ...chunks]);
  expect(headers.replyInRoom(4, bytes)).toEqual(headers.reply({ revision: 4, chunks }));
});

test("an answer beyond what any client takes is refused before anything is copied", () => {
  const headers = new Headers({ clusterId: 1n, memberId: 2n, term: () => 3, revision: () => 4 });
  const half = { length: 2 ** 30 } as Buffer;
  const tooLarge = new EtcdError("ResponseTooLarge");
  expect(() => headers.reply({ revision: 4, chunks: [half, half] })).toThrow(tooLarge);
  expect(() => headers.replying({ revision: 4, chunks: [half, half] }).next()).toThrow(tooLarge);
  const whole = { length: 2 ** 31 - 1 + HEADER_ROOM } as Buffer;
  expect(() => headers.replyInRoom(4, whole)).toThrow(tooLarge);
});
