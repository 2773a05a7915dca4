import { expect, test } from "vitest";
import { StatusResponse } from "../../server/proto/gen/rpc.ts";
import type { EtcdClient } from "./client.ts";
import { statusOf } from "./maintenance.ts";

function answering(errors: string[]): EtcdClient {
  const ask = async () =>
    StatusResponse.fromPartial({ header: { memberId: 7n, revision: 3 }, errors });
  return { ask } as unknown as EtcdClient;
}

const report = (...errors: string[]) => statusOf(answering(errors), "http://a:2379");

test("alarms are read from the status, ids beyond 2^53 included, and are no other errors", async () => {
  const found = await report(
    "etcdserver: no leader",
    "memberID:13803658152347727308 alarm:NOSPACE ",
    "memberID:18446744073709551615  alarm:CORRUPT",
  );
  expect(found.alarms).toEqual([
    { memberId: 13803658152347727308n, alarm: "NOSPACE" },
    { memberId: 18446744073709551615n, alarm: "CORRUPT" },
  ]);
  expect(found.errors).toEqual(["etcdserver: no leader"]);
  expect(found).toMatchObject({ memberId: 7n, revision: 3 });
});

test("an alarm without a member, without a type or of a type unknown here is an alarm", async () => {
  const found = await report("alarm:CORRUPT ", "memberID:5 ", "memberID:5 alarm:9 ", "");
  expect(found.alarms).toEqual([
    { memberId: 0n, alarm: "CORRUPT" },
    { memberId: 5n, alarm: "UNKNOWN" },
    { memberId: 5n, alarm: "UNKNOWN" },
    { memberId: 0n, alarm: "UNKNOWN" },
  ]);
  expect(found.errors).toEqual([]);
});

test("an error that speaks of alarms is an error", async () => {
  const text = "failed to read alarm:NOSPACE of memberID:5";
  expect(await report(text)).toMatchObject({ alarms: [], errors: [text] });
});
