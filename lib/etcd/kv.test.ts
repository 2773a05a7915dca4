import { expect, test } from "vitest";
import type { EtcdClient } from "./client.ts";
import { ClusterError } from "./cluster-error.ts";
import { create, deleteIfUnchanged, deleteRangeIfOlder, putIfUnchanged } from "./kv.ts";

const key = Buffer.from("k");
const value = Buffer.from("v");
const range = { key, rangeEnd: Buffer.from("l"), revision: 1 };

function failing(error: ClusterError): EtcdClient {
  const call = async () => {
    throw error;
  };
  return { read: call, write: call } as unknown as EtcdClient;
}

const stopped = new ClusterError("unavailable", "etcdserver: server stopped", {
  etcdCode: "Stopped",
});

test.each([
  ["save", (client: EtcdClient) => putIfUnchanged(client, { key, value, modRevision: 1 })],
  ["creation", (client: EtcdClient) => create(client, { key, value })],
  ["delete", (client: EtcdClient) => deleteIfUnchanged(client, { key, modRevision: 1 })],
  ["delete of a range", (client: EtcdClient) => deleteRangeIfOlder(client, range)],
])("a %s that etcd has not refused may have happened, in the words that came", async (_, write) => {
  await expect(write(failing(stopped))).rejects.toMatchObject({
    code: "unavailable",
    etcdCode: "Stopped",
    message: "etcdserver: server stopped",
    mayHaveHappened: true,
  });
  const refusal = new ClusterError("etcd-permission-denied", "etcdserver: permission denied");
  await expect(write(failing(refusal))).rejects.toBe(refusal);
  const unsent = new ClusterError("timeout", "no answer", { neverSent: true });
  await expect(write(failing(unsent))).rejects.toBe(unsent);
});
