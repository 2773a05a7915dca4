import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  AlarmRequest_AlarmAction as AlarmAction,
  AlarmType,
  ClusterDefinition,
  type Compare,
  Compare_CompareTarget as CompareTarget,
  KVDefinition,
  LeaseDefinition,
  MaintenanceDefinition,
  RangeRequest_SortOrder as SortOrder,
  RangeRequest_SortTarget as SortTarget,
} from "../../server/proto/gen/rpc.ts";
import { deleteOp, MemberClient, putOp, rangeOp, txnOp } from "../harness/member-client.ts";
import { ClusterProcess, type Make } from "../harness/member-process.ts";

// What implementers of etcd fall into, one test each: of keys, transactions and leases. Debian's
// etcd is the control.

const MAKES: readonly Make[] = ["quorate", "etcd-3.5"];
const ONLY_REVISION = { clusterId: 0n, memberId: 0n, raftTerm: 0 };

function compare(key: string, fields: Partial<Compare>): Compare {
  return { result: 0, target: 0, rangeEnd: Buffer.alloc(0), ...fields, key: Buffer.from(key) };
}

describe.each(MAKES)("%s", (make) => {
  let cluster: ClusterProcess;
  let client: MemberClient;

  beforeAll(async () => {
    cluster = await ClusterProcess.start({ make, size: 1 });
    client = new MemberClient(cluster.member(0).clientUrl);
  });
  afterAll(async () => {
    client?.close();
    await cluster?.stop();
  });

  test("trap 07: answers within a transaction have a header with a revision and no more", async () => {
    await client.put("in/1", "v");
    const success = [rangeOp("in/1"), putOp("in/2", "v"), deleteOp("in/1"), deleteOp("in/none")];
    success.push(txnOp({ success: [putOp("in/3", "v")] }));
    const { header, responses } = await client.txn({ success });
    const revision = header?.revision ?? 0;
    expect(header?.memberId).not.toBe(0n);
    const [read, put, deleted, nothing, inner] = responses;
    expect(read?.responseRange?.header).toEqual({ ...ONLY_REVISION, revision: revision - 1 });
    expect(put?.responsePut?.header).toEqual({ ...ONLY_REVISION, revision });
    expect(deleted?.responseDeleteRange?.header).toEqual({ ...ONLY_REVISION, revision });
    expect(nothing?.responseDeleteRange?.header).toEqual({ ...ONLY_REVISION, revision });
    expect(inner?.responseTxn?.header).toEqual({ ...ONLY_REVISION, revision: 0 });
  });

  test("trap 08: Cluster shows revision 0; Defragment, MoveLeader and Snapshot have no header", async () => {
    await client.put("some", "thing");
    const { memberList, memberAdd, memberUpdate, memberRemove } = ClusterDefinition.methods;
    const listed = await client.call(ClusterDefinition, memberList, { linearizable: true });
    const self = listed.header?.memberId ?? 0n;
    const learner = { peerURLs: ["http://127.0.0.1:1"], isLearner: true };
    const added = await client.call(ClusterDefinition, memberAdd, learner);
    const own = { ID: self, peerURLs: [cluster.member(0).peerUrl] };
    const updated = await client.call(ClusterDefinition, memberUpdate, own);
    const gone = { ID: added.member?.ID ?? 0n };
    const removed = await client.call(ClusterDefinition, memberRemove, gone);
    for (const { header } of [listed, added, updated, removed]) {
      expect(header).toEqual({ ...listed.header, memberId: self, revision: 0 });
      expect(header?.clusterId).not.toBe(0n);
      expect(header?.raftTerm).not.toBe(0);
    }
    const { defragment, moveLeader, snapshot } = MaintenanceDefinition.methods;
    const defragmented = await client.call(MaintenanceDefinition, defragment, {});
    expect(defragmented.header).toBeUndefined();
    const moved = await client.call(MaintenanceDefinition, moveLeader, { targetID: self });
    expect(moved.header).toBeUndefined();
    const part = await client.first(MaintenanceDefinition, snapshot, {});
    expect([part.header, part.blob.length > 0]).toEqual([undefined, true]);
  });

  test("trap 09: count ignores limit and filters, more does not; the compacted revision is readable", async () => {
    for (const at of [1, 2, 3, 4, 5]) await client.put(`count/${at}`, "v");
    const last = await client.revision();
    const limited = await client.range("count/", "count0", { limit: 2 });
    expect([limited.kvs.length, limited.count, limited.more]).toEqual([2, 5, true]);
    const filtered = { minModRevision: last - 1, limit: 2 };
    const few = await client.range("count/", "count0", filtered);
    expect([few.kvs.length, few.count, few.more]).toEqual([2, 5, false]);
    await client.compact(last - 1);
    const old = await client.range("count/", "count0", { revision: last - 1 });
    expect(old.kvs).toHaveLength(4);
    await expect(client.range("count/", "count0", { revision: last - 2 })).rejects.toThrow(
      "etcdserver: mvcc: required revision has been compacted",
    );
  });

  test("trap 10: a sort without an order cuts first; keys alone are cut after the sort", async () => {
    for (const [at, value] of ["3", "1", "2", "0"].entries()) await client.put(`sort/${at}`, value);
    const keys = async (rest: Parameters<MemberClient["range"]>[2]) => {
      const { kvs } = await client.range("sort/", "sort0", rest);
      return kvs.map(({ key, value }) => `${key.toString()}=${value.toString()}`);
    };
    const sortTarget = SortTarget.VALUE;
    expect(await keys({ sortTarget, limit: 2 })).toEqual(["sort/1=1", "sort/2=2"]);
    expect(await keys({ sortTarget, sortOrder: SortOrder.ASCEND, limit: 2 })).toEqual([
      "sort/3=0",
      "sort/1=1",
    ]);
    expect(await keys({ sortTarget, sortOrder: SortOrder.DESCEND, keysOnly: true })).toEqual([
      "sort/0=",
      "sort/2=",
      "sort/1=",
      "sort/3=",
    ]);
  });

  test("trap 12: comparisons see what was before the transaction, inner ones too", async () => {
    await client.put("pre", "old");
    const isOld = compare("pre", { target: CompareTarget.VALUE, value: Buffer.from("old") });
    const inner = { compare: [isOld], success: [putOp("pre/inner", "yes")] };
    const { responses } = await client.txn({ success: [putOp("pre", "new"), txnOp(inner)] });
    expect(responses[1]?.responseTxn?.succeeded).toBe(true);
    const onMissing = async (fields: Partial<Compare>) =>
      (await client.txn({ compare: [compare("missing", fields)] })).succeeded;
    const { VALUE, VERSION, CREATE, MOD, LEASE } = CompareTarget;
    expect(await onMissing({ target: VALUE, value: Buffer.alloc(0) })).toBe(false);
    expect(await onMissing({ target: VALUE, value: Buffer.alloc(0), result: 3 })).toBe(false);
    expect(await onMissing({ target: VERSION, version: 0n })).toBe(true);
    expect(await onMissing({ target: CREATE, createRevision: 0n })).toBe(true);
    expect(await onMissing({ target: MOD, modRevision: 1n, result: 2 })).toBe(true);
    expect(await onMissing({ target: LEASE, lease: 0n })).toBe(true);
  });

  test("trap 13: an empty operation is no key found; duplicates are found in inner transactions", async () => {
    expect(await client.tryTxn({ success: [rangeOp(""), {}] })).toMatchObject({
      failure: { status: 3, text: "etcdserver: key is not provided" },
    });
    expect(await client.tryTxn({ success: [{}] })).toMatchObject({
      failure: { status: 3, text: "etcdserver: key not found" },
    });
    const duplicate = { failure: { text: "etcdserver: duplicate key given in txn request" } };
    const inner = txnOp({ failure: [putOp("twice", "2")] });
    expect(await client.tryTxn({ success: [putOp("twice", "1"), inner] })).toMatchObject(duplicate);
    const range = deleteOp("twi", "twj");
    expect(await client.tryTxn({ success: [range, inner] })).toMatchObject(duplicate);
    const both = { success: [putOp("once", "1")], failure: [putOp("once", "2")] };
    expect(await client.tryTxn(both)).toHaveProperty("response");
  });

  test("trap 16: a lease that is gone has 0 s when renewed, −1 s when asked; none has under 2 s", async () => {
    const { leaseGrant, leaseTimeToLive, leaseKeepAlive } = LeaseDefinition.methods;
    const granted = await client.call(LeaseDefinition, leaseGrant, { ID: 16n, TTL: 1 });
    expect(granted.TTL).toBe(2);
    const gone = await client.call(LeaseDefinition, leaseTimeToLive, { ID: 99n, keys: true });
    expect(gone).toMatchObject({ ID: 99n, TTL: -1, grantedTTL: 0, keys: [] });
    const renewed = await client.first(LeaseDefinition, leaseKeepAlive, { ID: 99n });
    expect(renewed).toMatchObject({ ID: 99n, TTL: 0 });
    await client.call(LeaseDefinition, leaseGrant, { ID: 17n, TTL: 100 });
    const { TTL, grantedTTL } = await client.call(LeaseDefinition, leaseTimeToLive, { ID: 17n });
    // What remains is cut, not rounded.
    expect(grantedTTL).toBe(100);
    expect(TTL).toBeLessThan(100);
    expect(TTL).toBeGreaterThan(90);
  });

  test("trap 18: under NOSPACE deletes, compaction and defragmentation work; it stays until disarmed", async () => {
    await client.put("space/1", "v");
    const { alarm, defragment } = MaintenanceDefinition.methods;
    const noSpace = { alarm: AlarmType.NOSPACE };
    const set = (action: AlarmAction) =>
      client.call(MaintenanceDefinition, alarm, { ...noSpace, action });
    await set(AlarmAction.ACTIVATE);
    const full = {
      failure: { status: 8, text: "etcdserver: mvcc: database space exceeded" },
    };
    const tryPut = () =>
      client.try(KVDefinition, KVDefinition.methods.put, { key: Buffer.from("a") });
    expect(await tryPut()).toMatchObject(full);
    expect(await client.tryTxn({ success: [putOp("a", "b")] })).toMatchObject(full);
    const { leaseGrant } = LeaseDefinition.methods;
    expect(await client.try(LeaseDefinition, leaseGrant, { TTL: 60 })).toMatchObject(full);
    expect((await client.range("space/1", "")).count).toBe(1);
    const { deleted, header } = await client.delete("space/1");
    expect(deleted).toBe(1);
    await client.compact(header?.revision ?? 0);
    await client.call(MaintenanceDefinition, defragment, {});
    expect(await tryPut()).toMatchObject(full);
    await set(AlarmAction.DEACTIVATE);
    expect(await tryPut()).toHaveProperty("response");
  });
});
