import { expect, test } from "vitest";
import type { EtcdClient } from "./client.ts";
import { ClusterError } from "./cluster-error.ts";
import { createWithTtl } from "./leased-key.ts";

interface Asked {
  readonly TTL?: number;
  readonly ID?: bigint;
}
type Answer = (method: string, request: Asked) => unknown;

/** Answers by the method's name, and keeps what was asked in order. */
function scripted(answer: Answer) {
  const asked: { method: string; request: Asked }[] = [];
  const call = async (_: unknown, { name }: { name: string }, request: Asked) => {
    asked.push({ method: name, request });
    return answer(name, request);
  };
  return { asked, client: { read: call, write: call } as unknown as EtcdClient };
}

const put = { key: Buffer.from("k"), value: Buffer.from("v"), ttlSeconds: 60 };
const CREATED = { succeeded: true, responses: [] };
const EXISTS = { succeeded: false, responses: [] };
const lost = () => new ClusterError("timeout", "no answer in time");

test("the key hangs on the lease that was granted for it", async () => {
  const { asked, client } = scripted((method) => (method === "Txn" ? CREATED : {}));
  expect(await createWithTtl(client, put)).toMatchObject({ done: true });
  expect(asked.map(({ method }) => method)).toEqual(["LeaseGrant", "Txn"]);
  expect(asked[0]?.request).toMatchObject({ TTL: 60, ID: expect.any(BigInt) });
  expect(asked[1]?.request).toMatchObject({
    success: [{ requestPut: { lease: asked[0]?.request.ID } }, {}],
  });
});

test.each([
  ["the key is there", () => EXISTS],
  [
    "the write got no answer",
    () => {
      throw lost();
    },
  ],
])("the lease is revoked when %s", async (_, answer) => {
  const { asked, client } = scripted((method) => (method === "Txn" ? answer() : {}));
  await createWithTtl(client, put).catch((error: unknown) => {
    expect(error).toBeInstanceOf(ClusterError);
    expect(String(error)).not.toContain("may be left");
  });
  expect(asked.map(({ method }) => method)).toEqual(["LeaseGrant", "Txn", "LeaseRevoke"]);
  expect(asked[2]?.request.ID).toBe(asked[0]?.request.ID);
});

test("a lease without an answer is revoked, and one that was never asked for is not", async () => {
  const unanswered = scripted((method) => {
    if (method === "LeaseGrant") throw lost();
    throw new ClusterError("not-found", "no lease", { etcdCode: "LeaseNotFound" });
  });
  await expect(createWithTtl(unanswered.client, put)).rejects.toThrow(/^no answer in time$/);
  expect(unanswered.asked.map(({ method }) => method)).toEqual(["LeaseGrant", "LeaseRevoke"]);

  const unreachable = scripted(() => {
    throw new ClusterError("unreachable", "nothing listens there", { neverSent: true });
  });
  await expect(createWithTtl(unreachable.client, put)).rejects.toThrow("nothing listens there");
  expect(unreachable.asked).toHaveLength(1);
});

test("with the lease gone it is certain that nothing was created", async () => {
  const unknown = () =>
    new ClusterError("unavailable", "etcdserver: server stopped", { etcdCode: "Stopped" });
  const undone = scripted((method) => {
    if (method === "Txn") throw unknown();
    return {};
  });
  await expect(createWithTtl(undone.client, put)).rejects.toMatchObject({
    message: "etcdserver: server stopped",
    mayHaveHappened: false,
  });

  const left = scripted((method) => {
    if (method === "LeaseGrant") return {};
    throw unknown();
  });
  await expect(createWithTtl(left.client, put)).rejects.toMatchObject({ mayHaveHappened: true });
});

test("a lease that may be left is named, so that it can be revoked by hand", async () => {
  const { asked, client } = scripted((method) => {
    if (method === "Txn") return EXISTS;
    if (method === "LeaseRevoke") throw lost();
    return {};
  });
  const error = await createWithTtl(client, put).catch((caught: unknown) => caught);
  const hex = asked[0]?.request.ID?.toString(16);
  expect(error).toMatchObject({ code: "timeout", mayHaveHappened: false });
  expect((error as Error).message).toMatch(/^there is such a key already; the lease /);
  expect((error as Error).message).toContain(`the lease ${hex} `);
});
