import { expect, test } from "vitest";
import { EtcdError } from "../errors.ts";
import { CompactionRequest, CompactionResponse } from "../proto/gen/rpc.ts";
import type { Dispatcher, RawHandler } from "./dispatch.ts";
import { Headers } from "./header.ts";
import { type KvServiceOptions, registerKv } from "./kv.ts";

/** The service's Compact, with what it asks of others told to the test. */
function fixture(error?: EtcdError) {
  const kv = { revision: 7, compactRevision: 5 };
  const waits: { revision: number; done: () => void }[] = [];
  const options = {
    proposer: {
      propose: async () => {
        if (error !== undefined) throw error;
        return { revision: 7, chunks: [] };
      },
    },
    compactor: {
      finished: (revision: number) =>
        new Promise<void>((done) => void waits.push({ revision, done })),
    },
    state: { kv },
    headers: new Headers({
      clusterId: 1n,
      memberId: 2n,
      term: () => 3,
      revision: () => kv.revision,
    }),
  } as unknown as KvServiceOptions;
  const handlers = new Map<string, RawHandler>();
  registerKv(
    {
      openUnary: () => undefined,
      rawUnary: (_: unknown, key: string, handler: RawHandler) => void handlers.set(key, handler),
    } as unknown as Dispatcher,
    options,
  );
  const compact = async (revision: number, physical: boolean) => {
    const request = Buffer.from(CompactionRequest.encode({ revision, physical }).finish());
    return CompactionResponse.decode(
      (await handlers.get("compact")?.(request, {} as never)) ?? Buffer.alloc(0),
    );
  };
  return { kv, waits, compact };
}

const settled = () => new Promise(setImmediate);

test("a physical compaction tells the revision of when its deletions were done", async () => {
  const { kv, waits, compact } = fixture();
  const answer = compact(6, true);
  await settled();
  kv.revision = 12;
  expect(waits.map(({ revision }) => revision)).toEqual([6]);
  waits[0]?.done();
  expect((await answer).header?.revision).toBe(12);
});

test("a physical compaction that somebody else did is refused once its deletions are done", async () => {
  const compacted = new EtcdError("Compacted");
  const { waits, compact } = fixture(compacted);
  let refusal: unknown;
  const answer = compact(4, true).catch((error: unknown) => {
    refusal = error;
  });
  await settled();
  expect(waits.map(({ revision }) => revision)).toEqual([5]);
  expect(refusal).toBeUndefined();
  waits[0]?.done();
  await answer;
  expect(refusal).toBe(compacted);
  await expect(compact(4, false)).rejects.toBe(compacted);
  expect(waits).toHaveLength(1);
});

test("a compaction of the future is refused at once", async () => {
  const { waits, compact } = fixture(new EtcdError("FutureRev"));
  await expect(compact(99, true)).rejects.toThrow("future revision");
  expect(waits).toEqual([]);
});
