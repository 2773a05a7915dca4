import { expect, test } from "vitest";
import {
  Compare_CompareResult,
  Compare_CompareTarget,
  PutRequest,
  RangeRequest,
  TxnRequest,
} from "../proto/gen/rpc.ts";
import { decodeEntryContent, encodeInternal, InternalField } from "../proto/internal-codec.ts";
import { entryText, messageText, txnText } from "./request-text.ts";

const key = (text: string) => Buffer.from(text);

test("a put shows its key and the size of its value, never the value", () => {
  const request = PutRequest.fromPartial({ key: key('a"\n\0'), value: key("secret"), lease: 291n });
  const data = encodeInternal(InternalField.PUT, PutRequest.encode(request).finish(), 7n);
  expect(entryText(decodeEntryContent(data))).toBe(
    'header:<ID:7 > put:<key:"a\\"\\n\\000" value_size:6 lease:291 >',
  );
});

test("a name is shown byte by byte", () => {
  const data = encodeInternal(InternalField.AUTH_USER_LIST, key(""), 7n, "p\udce4\u00e4", 3);
  const text = 'header:<ID:7 username:"p\\344\\303\\244" auth_revision:3 > ';
  expect(entryText(decodeEntryContent(data))).toBe(`${text}auth_user_list:<size:0 > `);
});

test("a password is not shown", () => {
  const data = encodeInternal(InternalField.AUTH_USER_ADD, key("user password"), 7n);
  expect(entryText(decodeEntryContent(data))).toBe("header:<ID:7 > auth_user_add:<size:13 > ");
});

test("a transaction shows compares and operations, with the zeros of its unions", () => {
  const request = TxnRequest.fromPartial({
    compare: [
      {
        target: Compare_CompareTarget.MOD,
        result: Compare_CompareResult.GREATER,
        key: key("x"),
        modRevision: 0n,
      },
      { target: Compare_CompareTarget.VALUE, key: key("x"), value: key("secret") },
    ],
    success: [
      { requestPut: { key: key("k"), value: key("1") } },
      { requestRange: { key: key("x") } },
      { requestDeleteRange: { key: key("nothing") } },
    ],
    failure: [{ requestTxn: { success: [{ requestRange: { key: key("y") } }] } }],
  });
  expect(txnText(request)).toBe(
    'compare:<result:GREATER target:MOD key:"x" mod_revision:0  target:VALUE key:"x" ' +
      'value_size:6 > success:<request_put:<key:"k" value_size:1 > request_range:<key:"x" >  ' +
      'request_delete_range:<key:"nothing" > > failure:<request_txn:<compare:<> ' +
      'success:<request_range:<key:"y" > > failure:<>>>',
  );
});

test("a range shows what is not at its default", () => {
  const request = { key: key("a"), rangeEnd: key("b"), limit: 5, sortOrder: 2, keysOnly: true };
  expect(messageText(RangeRequest.fromPartial(request as Partial<RangeRequest>))).toBe(
    'key:"a" range_end:"b" limit:5 sort_order:DESCEND keys_only:true ',
  );
});

test("of a long key the beginning is shown", () => {
  const request = RangeRequest.fromPartial({ key: Buffer.alloc(1_000_000, 0xff) });
  const text = messageText(request);
  expect(text).toHaveLength("key:".length + 2 + 1024 * 4 + "... ".length);
  expect(text.endsWith('\\377"... ')).toBe(true);
});

test("of a long transaction no more is shown than a line of the log should hold", () => {
  const put = { requestPut: { key: Buffer.alloc(500, 0xff) } };
  const many = Array.from({ length: 128 }, () => put);
  let txn = TxnRequest.fromPartial({ success: many });
  for (let level = 0; level < 8; level++) {
    const within = { requestTxn: txn };
    txn = TxnRequest.fromPartial({ success: [within, ...many], failure: many });
  }
  const text = txnText(txn);
  expect(text.length).toBeLessThan(24 * 1024);
  expect(text.endsWith("...> failure:<...>")).toBe(true);
});
