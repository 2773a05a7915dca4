import { expect, test } from "vitest";
import { compareBytes } from "../../server/base/bytes.ts";
import { KeyValue } from "../../server/proto/gen/kv.ts";
import { RangeRequest, RangeResponse } from "../../server/proto/gen/rpc.ts";
import type { EtcdClient } from "./client.ts";
import { summarize } from "./prefix-summary.ts";

interface Fake {
  readonly client: EtcdClient;
  readonly asked: RangeRequest[];
  /** Of values. */
  readonly sentBytes: () => number;
}

/** @param sizes of the values, of the keys p/000, p/001 … in order */
function clusterOf(sizes: readonly number[]): Fake {
  const records = sizes.map((size, at) =>
    KeyValue.fromPartial({
      key: Buffer.from(`p/${String(at).padStart(4, "0")}`),
      value: Buffer.alloc(size),
      // 7 is prime to every number of keys here: the order of writing is not that of the bytes.
      modRevision: 10 + ((at * 7) % sizes.length),
      lease: at % 3 === 0 ? 5n : 0n,
    }),
  );
  const asked: RangeRequest[] = [];
  let sentBytes = 0;
  const read = async (_service: unknown, _method: unknown, request: RangeRequest) => {
    asked.push(RangeRequest.fromPartial(request));
    const { key, rangeEnd, limit, keysOnly } = request;
    const found = records.filter(
      (record) => compareBytes(record.key, key) >= 0 && compareBytes(record.key, rangeEnd) < 0,
    );
    const kvs = found.slice(0, limit).map((record) => {
      if (!keysOnly) sentBytes += record.value.length;
      return KeyValue.fromPartial(keysOnly ? { ...record, value: Buffer.alloc(0) } : record);
    });
    return RangeResponse.fromPartial({ header: { revision: 99 }, count: found.length, kvs });
  };
  return { client: { read } as unknown as EtcdClient, asked, sentBytes: () => sentBytes };
}

const prefix = Buffer.from("p/");

test("of a small folder everything is known, at one revision", async () => {
  const { client, asked } = clusterOf([3, 1, 4, 1, 5]);
  const summary = await summarize(client, { prefix });
  expect(summary).toMatchObject({ revision: 99, count: 5, listed: 5, leased: 2 });
  expect(summary).toMatchObject({ weighed: 5, valueBytes: 14 });
  expect(summary.recent.map(({ modRevision }) => modRevision)).toEqual([14, 13, 12, 11, 10]);
  expect(summary.oldest?.modRevision).toBe(10);
  expect(summary.largest.map(({ sizeBytes }) => sizeBytes)).toEqual([5, 4, 3, 1, 1]);
  expect(asked.slice(1).every(({ revision }) => revision === 99)).toBe(true);
});

test("of a large one the count is exact, and the rest is of as many keys as it says", async () => {
  const { client, asked } = clusterOf(Array.from({ length: 5_000 }, () => 10));
  const summary = await summarize(client, { prefix });
  expect(summary).toMatchObject({ count: 5_000, listed: 1_000, weighed: 100, valueBytes: 1_000 });
  expect(summary.recent).toHaveLength(5);
  expect(asked.map(({ limit }) => limit)).toEqual([1_000, 1, 4, 16, 16, 16, 16, 16, 15]);
});

test("large values end the weighing early, wherever they stand", async () => {
  const large = 1_500_000;
  const all = clusterOf(Array.from({ length: 200 }, () => large));
  expect((await summarize(all.client, { prefix })).weighed).toBe(1);
  const late = clusterOf(Array.from({ length: 200 }, (_, at) => (at < 5 ? 1 : large)));
  const summary = await summarize(late.client, { prefix });
  expect(summary.weighed).toBe(21);
  expect(late.sentBytes()).toBeLessThan(16 * large + 10);
  const middling = clusterOf(Array.from({ length: 200 }, () => 100_000));
  await summarize(middling.client, { prefix });
  expect(middling.sentBytes()).toBeLessThan(1_200_000);
});

test("of nothing there is nothing to read", async () => {
  const { client, asked } = clusterOf([]);
  const summary = await summarize(client, { prefix });
  expect(summary).toMatchObject({ count: 0, listed: 0, weighed: 0, recent: [], largest: [] });
  expect(summary.oldest).toBeUndefined();
  expect(asked).toHaveLength(1);
});
