import { expect, test } from "vitest";
import { type LogFields, SILENT_LOG } from "../base/log.ts";
import { PutRequest, RangeRequest } from "../proto/gen/rpc.ts";
import { ManualClock } from "../watch/manual-clock.suite.ts";
import { RequestStats } from "./request-stats.ts";

const UNREADABLE = Buffer.from("0801", "hex");
const RANGE = "/etcdserverpb.KV/Range";

function stats(isDebug: boolean) {
  const lines: LogFields[] = [];
  const keep = (_msg: string, fields: LogFields = {}) => void lines.push(fields);
  const log = { ...SILENT_LOG, debug: keep, warn: keep };
  const clock = new ManualClock();
  return { lines, stats: new RequestStats({ clock, log, warningMs: 300, isDebug }) };
}

test("of a slow call it is told how much it asked for and got", () => {
  const { lines, stats: told } = stats(false);
  const request = RangeRequest.encode(RangeRequest.fromPartial({ key: Buffer.from("a") })).finish();
  told.ended(299, { path: RANGE, remote: "a:1", request, response: undefined, keyCount: 0 });
  expect(lines).toEqual([]);
  told.ended(301, { path: RANGE, remote: "a:1", request, response: undefined, keyCount: 0 });
  expect(lines).toMatchObject([{ "response type": RANGE, "request size": 3 }]);
});

test("the keys of a range are told as its handler counted them, its answer is not looked at", () => {
  const { lines, stats: told } = stats(false);
  const request = RangeRequest.encode(RangeRequest.fromPartial({ key: Buffer.from("a") })).finish();
  told.ended(301, { path: RANGE, remote: "a:1", request, response: UNREADABLE, keyCount: 70_000 });
  expect(lines).toMatchObject([{ "response count": 70_000, "response size": 2 }]);
});

test.each(["Range", "Put", "DeleteRange", "Txn"])(
  "of a %s that cannot be read nothing is told",
  (name) => {
    const path = `/etcdserverpb.KV/${name}`;
    for (const isDebug of [true, false]) {
      const { lines, stats: told } = stats(isDebug);
      for (const response of [undefined, Buffer.alloc(0)]) {
        told.ended(1_000, { path, remote: "a:1", request: UNREADABLE, response, keyCount: 0 });
      }
      expect(lines.filter((line) => line["request content"] !== "")).toEqual([]);
      const request = PutRequest.encode(PutRequest.fromPartial({ key: Buffer.from("a") })).finish();
      told.ended(1_000, {
        path: "/etcdserverpb.KV/Put",
        remote: "a:1",
        request,
        response: undefined,
        keyCount: 0,
      });
      expect(lines.at(-1)).toMatchObject({ "request count": 1 });
    }
  },
);
