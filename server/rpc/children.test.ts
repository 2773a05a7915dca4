import { expect, test } from "vitest";
import { EtcdError, Status } from "../errors.ts";
import { Metadata } from "../http2/metadata.ts";
import { MvccStore } from "../mvcc/store.ts";
import { ChildrenRequest } from "../proto/gen/children.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { CHILDREN_MAX, childrenHandler, SEPARATOR_BYTES_MAX } from "./children.ts";

const CONTEXT = {
  path: "/quorate.v1.Tree/Children",
  metadata: Metadata.EMPTY,
  remote: "127.0.0.1:1",
  peerCertificateName: undefined,
  deadlineMs: undefined,
  isCanceled: false,
  onCancel: undefined,
};

function fixture(admit: () => Promise<void> = async () => undefined) {
  const store = MvccStore.open(new MemoryEngine());
  const handler = childrenHandler({
    store: () => store,
    header: (revision) => ({ clusterId: 1n, memberId: 2n, revision, raftTerm: 3 }),
    admit,
  });
  const ask = async (request: Parameters<typeof ChildrenRequest.fromPartial>[0]) =>
    handler(ChildrenRequest.fromPartial(request), CONTEXT);
  const put = (...keys: string[]) => {
    const txn = store.begin();
    for (const key of keys) txn.put(Buffer.from(key), Buffer.from("value"), 9n);
    txn.end();
  };
  return { ask, put };
}

const folder = { prefix: Buffer.from("/"), separator: Buffer.from("/") };

test("folders come with their counts, keys with all but their value", async () => {
  const { ask, put } = fixture();
  put("/a/1", "/a/2", "/b");
  put("/a/3");
  const answer = await ask({ ...folder, revision: 2 });
  expect(answer).toMatchObject({ header: { revision: 3 }, revision: 2, count: 3, more: false });
  expect(answer.children).toMatchObject([
    { key: Buffer.from("/a/"), folder: true, count: 2, kv: undefined },
    { key: Buffer.from("/b"), folder: false, count: 1, valueSize: 5 },
  ]);
  expect(answer.children[1]?.kv).toEqual({
    key: Buffer.from("/b"),
    createRevision: 2,
    modRevision: 2,
    version: 1,
    value: Buffer.alloc(0),
    lease: 9n,
  });
});

test("no answer holds more children than the server's own limit", async () => {
  const { ask, put } = fixture();
  put(...Array.from({ length: CHILDREN_MAX + 5 }, (_, i) => `/${i}`));
  for (const limit of [0, -1, CHILDREN_MAX + 1, 2 ** 53 - 1]) {
    const answer = await ask({ ...folder, limit });
    expect([answer.children.length, answer.more]).toEqual([CHILDREN_MAX, true]);
  }
});

test("nothing is read before the caller is admitted", async () => {
  const { ask } = fixture(async () => {
    throw new EtcdError("PermissionDenied");
  });
  await expect(ask({ ...folder, revision: 99 })).rejects.toThrow("permission denied");
});

test("a separator of no bytes and a revision of the future are refused", async () => {
  const { ask } = fixture();
  await expect(ask({ prefix: folder.prefix })).rejects.toThrow("key is not provided");
  await expect(ask({ ...folder, revision: 99 })).rejects.toThrow("future revision");
});

test("a separator of more bytes than any has is refused before anybody is asked", async () => {
  const { ask } = fixture(async () => {
    throw new EtcdError("PermissionDenied");
  });
  const longest = Buffer.alloc(SEPARATOR_BYTES_MAX, "a");
  await expect(ask({ separator: longest })).rejects.toThrow("permission denied");
  const separator = Buffer.concat([longest, Buffer.from("b")]);
  await expect(ask({ separator })).rejects.toMatchObject({
    status: Status.INVALID_ARGUMENT,
    message: "the separator is longer than 64 bytes",
  });
});
