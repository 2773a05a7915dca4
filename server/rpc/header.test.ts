import { expect, test } from "vitest";
import { encodeRangeEnd, encodeRecords } from "../apply/response.ts";
import { EtcdError } from "../errors.ts";
import { PutResponse, RangeResponse } from "../proto/gen/rpc.ts";
import { HEADER_ROOM, Headers } from "./header.ts";

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
  const response = RangeResponse.decode(headers.reply({ revision: 4, chunks }));
  expect(response.header).toEqual({ clusterId: 1n, memberId: 2n, revision: 4, raftTerm: 3 });
  expect(response.kvs.map((kv) => kv.key.toString())).toEqual(["a", "a"]);
  expect([response.more, response.count]).toEqual([true, 9]);
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
  const whole = { length: 2 ** 31 - 1 + HEADER_ROOM } as Buffer;
  expect(() => headers.replyInRoom(4, whole)).toThrow(tooLarge);
});
