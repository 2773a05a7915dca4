import { expect, test } from "vitest";
import { DeleteRangeResponse, RangeResponse, TxnResponse } from "../proto/gen/rpc.ts";
import { numberIn, rangeText, readTxnText } from "./response-text.ts";

const header = { clusterId: 1n, memberId: 2n, revision: 300, raftTerm: 4 };
const kvs = [{ key: Buffer.from("a"), value: Buffer.from("x") }, { key: Buffer.from("b") }];

test("a range is told by its records, and by its size without what names the member", () => {
  const whole = RangeResponse.encode(RangeResponse.fromPartial({ header, kvs, count: 9 })).finish();
  const bare = { header: { revision: 300 }, kvs, count: 9 };
  const size = RangeResponse.encode(RangeResponse.fromPartial(bare)).finish().length;
  expect(rangeText(Buffer.from(whole), 2)).toBe(`range_response_count:2 size:${size}`);
  expect(rangeText(Buffer.alloc(0), 0)).toBe("range_response_count:0 size:0");
});

test("a transaction is told by the records of each of its ranges", () => {
  const responses = [{ responseRange: { kvs } }, { responseRange: {} }];
  const fields = { succeeded: true, responses };
  const whole = TxnResponse.encode(TxnResponse.fromPartial({ header, ...fields })).finish();
  const bare = TxnResponse.fromPartial({ header: { revision: 300 }, ...fields });
  const size = TxnResponse.encode(bare).finish().length;
  expect(readTxnText(Buffer.from(whole), [2, 0])).toBe(
    `responses:<range_response_count:2 range_response_count:0> size:${size}`,
  );
});

test("a number is found in front of what may be long, and where it is absent", () => {
  const range = RangeResponse.encode(RangeResponse.fromPartial({ header, kvs, count: 70_000 }));
  expect(numberIn(range.finish(), 4)).toBe(70_000);
  expect(numberIn(Buffer.from([0x10, 5, 0x1a, 0xff]), 2)).toBe(5);
  const deleted = DeleteRangeResponse.fromPartial({ header, deleted: 2, prevKvs: kvs });
  expect(numberIn(DeleteRangeResponse.encode(deleted).finish(), 2)).toBe(2);
  const txn = (succeeded: boolean) => TxnResponse.encode(TxnResponse.fromPartial({ succeeded }));
  expect(numberIn(txn(true).finish(), 2)).toBe(1);
  expect(numberIn(txn(false).finish(), 2)).toBe(0);
});
