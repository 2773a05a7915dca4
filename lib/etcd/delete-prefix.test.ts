import { expect, test, vi } from "vitest";
import { compareBytes } from "../../server/base/bytes.ts";
import { KeyValue } from "../../server/proto/gen/kv.ts";
import { type RangeRequest, RangeResponse } from "../../server/proto/gen/rpc.ts";
import type { CallOptions, EtcdClient } from "./client.ts";
import { ClusterError } from "./cluster-error.ts";
import { checkPlan } from "./delete-prefix.ts";

const NOW = 99;
const prefix = Buffer.from("p/");

/** @param newer the revision of the keys p/0000, p/0001 … that were not last written at 7 */
function clusterOf(total: number, newer: ReadonlyMap<number, number> = new Map()) {
  const records = Array.from({ length: total }, (_, at) =>
    KeyValue.fromPartial({
      key: Buffer.from(`p/${String(at).padStart(4, "0")}`),
      modRevision: newer.get(at) ?? 7,
    }),
  );
  const asked: RangeRequest[] = [];
  const read = async (_: unknown, __: unknown, request: RangeRequest, options: CallOptions) => {
    if (options.signal?.aborted) throw new ClusterError("unavailable", "the request was cancelled");
    asked.push(request);
    const { key, rangeEnd, limit } = request;
    const found = records.filter(
      (record) => compareBytes(record.key, key) >= 0 && compareBytes(record.key, rangeEnd) < 0,
    );
    return RangeResponse.fromPartial({
      header: { revision: NOW },
      count: found.length,
      kvs: found.slice(0, limit),
      more: found.length > limit,
    });
  };
  const write = vi.fn();
  return { client: { read, write } as unknown as EtcdClient, asked, write };
}

test("a plan is checked page by page, without values, at the revision of the first page", async () => {
  const { client, asked, write } = clusterOf(9_000);
  await checkPlan(client, { prefix, revision: 7, count: 9_000 });
  expect(asked).toMatchObject([
    { key: Buffer.from("p/"), revision: 0 },
    { key: Buffer.from("p/3999\0"), revision: NOW },
    { key: Buffer.from("p/7999\0"), revision: NOW },
  ]);
  for (const { limit, keysOnly, serializable } of asked) {
    expect({ limit, keysOnly, serializable }).toEqual({
      limit: 4_000,
      keysOnly: true,
      serializable: false,
    });
  }
  expect(write).not.toHaveBeenCalled();
});

test("of nothing there is one page to check", async () => {
  const { client, asked } = clusterOf(0);
  await checkPlan(client, { prefix, revision: 7, count: 0 });
  expect(asked).toHaveLength(1);
});

test("the check ends at the first page with a key that is newer than the preview", async () => {
  const { client, asked } = clusterOf(9_000, new Map([[4_500, 8]]));
  await expect(checkPlan(client, { prefix, revision: 7, count: 9_000 })).rejects.toMatchObject({
    code: "modified",
    message: "the range has changed since the preview (9000 keys): keys in it were written",
    detail: { count: 9_000 },
    mayHaveHappened: false,
  });
  expect(asked).toHaveLength(2);
  await checkPlan(client, { prefix, revision: 8, count: 9_000 });
});

test("keys that are missing since the preview are counted at once", async () => {
  const { client, asked } = clusterOf(8_999);
  await expect(checkPlan(client, { prefix, revision: 7, count: 9_000 })).rejects.toMatchObject({
    code: "modified",
    message: "the range has changed since the preview (9000 keys): it holds 8999 keys now",
    detail: { count: 8_999 },
  });
  expect(asked).toHaveLength(1);
});

test("a key created since the preview is told as written", async () => {
  const { client } = clusterOf(3, new Map([[2, 8]]));
  await expect(checkPlan(client, { prefix, revision: 7, count: 2 })).rejects.toMatchObject({
    message: "the range has changed since the preview (2 keys): keys in it were written",
    detail: { count: 3 },
  });
});

test("nothing more is asked once nobody waits for the check", async () => {
  const { client, asked } = clusterOf(9_000);
  const control = new AbortController();
  const checked = checkPlan(client, { prefix, revision: 7, count: 9_000 }, control.signal);
  control.abort();
  await expect(checked).rejects.toMatchObject({ code: "unavailable" });
  expect(asked).toHaveLength(1);
});
