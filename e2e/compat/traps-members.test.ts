import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ClusterDefinition,
  KVDefinition,
  LeaseDefinition,
  MaintenanceDefinition,
  WatchDefinition,
} from "../../server/proto/gen/rpc.ts";
import { leaderAt } from "../harness/cluster-client.ts";
import { scrape } from "../harness/exposition.ts";
import { ask } from "../harness/http-client.ts";
import { deleteOp, MemberClient, putOp, rangeOp } from "../harness/member-client.ts";
import { CALM, ClusterProcess, etcdctl, type Make } from "../harness/member-process.ts";
import { MixedCluster } from "../harness/mixed-cluster.ts";
import { ETCD_35 } from "../harness/tools.ts";

// What implementers of etcd fall into, one test each: of members, their clusters and their files.
// Debian's etcd is the control.

const MAKES: readonly Make[] = ["quorate", "etcd-3.5"];
const run = promisify(execFile);
/** Leases that are gone, whoever had it done. */
const REVOKED = "etcd_debugging_lease_revoked_total";
/** Those whose end a member told the others. */
const EXPIRED = "etcd_debugging_server_lease_expired_total";
const lease = LeaseDefinition.methods;
const maintenance = MaintenanceDefinition.methods;

/** As `storage` names a revision's record: main, `_`, sub, and `t` for a deletion. */
function recordKey(main: number, sub: number, isTombstone: boolean): Buffer {
  const key = Buffer.alloc(isTombstone ? 18 : 17);
  key.writeBigUInt64BE(BigInt(main), 0);
  key.write("_", 8);
  key.writeBigUInt64BE(BigInt(sub), 9);
  if (isTombstone) key.write("t", 17);
  return key;
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

  test("trap 14: a learner serves serializable ranges, and no serializable transaction; trap 08: its promotion shows revision 0", async () => {
    const grown = new MixedCluster();
    await grown.grow("voter", make);
    await grown.grow("learner", make, { isLearner: true });
    const voter = new MemberClient(grown.member("voter").clientUrl);
    const learner = new MemberClient(grown.member("learner").clientUrl);
    const refused = {
      failure: { status: 14, text: "etcdserver: rpc not supported for learner" },
    };
    try {
      await voter.put("l", "v");
      const { range, put } = KVDefinition.methods;
      const key = Buffer.from("l");
      await expect
        .poll(async () => (await learner.range("l", "", { serializable: true })).count)
        .toBe(1);
      expect(await learner.try(KVDefinition, range, { key })).toMatchObject(refused);
      const read = rangeOp("l");
      if (read.requestRange !== undefined) read.requestRange.serializable = true;
      expect(await learner.tryTxn({ success: [read] })).toMatchObject(refused);
      expect(await learner.try(KVDefinition, put, { key })).toMatchObject(refused);
      const { memberList } = ClusterDefinition.methods;
      expect(await learner.try(ClusterDefinition, memberList, {})).toMatchObject(refused);
      const status = await learner.call(MaintenanceDefinition, maintenance.status, {});
      expect(status.isLearner).toBe(true);
      const watched = learner.first(WatchDefinition, WatchDefinition.methods.watch, {});
      await expect(watched).rejects.toThrow("etcdserver: rpc not supported for learner");
      const { memberPromote } = ClusterDefinition.methods;
      const ID = status.header?.memberId ?? 0n;
      const promoted = await voter.call(ClusterDefinition, memberPromote, { ID });
      expect(promoted.header?.revision).toBe(0);
      expect(promoted.header?.memberId).not.toBe(0n);
    } finally {
      voter.close();
      learner.close();
      await grown.stop();
    }
  });

  test("trap 15: errors travel with etcd's texts, and this one as unknown", async () => {
    const { header } = await client.call(MaintenanceDefinition, maintenance.status, {});
    const { memberRemove } = ClusterDefinition.methods;
    const ID = header?.memberId ?? 0n;
    expect(await client.try(ClusterDefinition, memberRemove, { ID })).toEqual({
      failure: {
        status: 2,
        text: "etcdserver: re-configuration failed due to not enough started members",
      },
    });
    expect(await client.try(ClusterDefinition, memberRemove, { ID: 5n })).toEqual({
      failure: { status: 5, text: "etcdserver: member not found" },
    });
    const { leaseRevoke } = lease;
    expect(await client.try(LeaseDefinition, leaseRevoke, { ID: 5n })).toEqual({
      failure: { status: 5, text: "etcdserver: requested lease not found" },
    });
  });

  test("trap 19: Status shows a size, and a version from which on progress is trusted", async () => {
    const { dbSize, version } = await client.call(MaintenanceDefinition, maintenance.status, {});
    expect(dbSize).toBeGreaterThan(0);
    const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
    expect([major, minor]).toEqual([3, 5]);
    expect(patch).toBeGreaterThanOrEqual(13);
  });

  test("trap 20: a snapshot is a bbolt file with its SHA-256 behind it", async () => {
    await client.put("snapshot", "1");
    const path = join(cluster.folder, "trap-20.db");
    const { code, stderr } = await etcdctl(ETCD_35, cluster.endpoints, ["snapshot", "save", path]);
    expect(code, stderr).toBe(0);
    const file = readFileSync(path);
    expect(file.length % 512).toBe(32);
    const sum = createHash("sha256").update(file.subarray(0, -32)).digest();
    expect(file.subarray(-32)).toEqual(sum);
    const shown = await run(ETCD_35.etcdutl, ["snapshot", "status", path, "-w", "json"]);
    expect(JSON.parse(shown.stdout)).toMatchObject({ revision: await client.revision() });
  });

  test("trap 22: what a killed member had applied, it does not apply again", async () => {
    const acknowledged: number[] = [];
    const writing = (async () => {
      for (let at = 0; ; at++) {
        await client.txn({ success: [putOp(`once/${at}`, "v"), putOp("once", String(at))] });
        acknowledged.push(at);
      }
    })();
    const broken = writing.catch(() => {});
    await expect.poll(() => acknowledged.length).toBeGreaterThan(50);
    const member = cluster.member(0);
    await member.stop("SIGKILL");
    await broken;
    member.start();
    await member.ready();
    await expect.poll(async () => client.revision().catch(() => 0)).toBeGreaterThan(0);
    const each = await client.range("once/", "once0");
    expect(each.kvs.every(({ version }) => version === 1)).toBe(true);
    const [counter] = (await client.range("once", "")).kvs;
    expect(each.count).toBe(counter?.version);
    expect(each.count).toBeGreaterThanOrEqual(acknowledged.length);
  });

  test("trap 23: the record of a deletion has a key of 18 bytes, and is empty but for the key", async () => {
    await client.put("tomb", "stone");
    const { header } = await client.txn({ success: [putOp("with", "it"), deleteOp("tomb")] });
    const main = header?.revision ?? 0;
    const path = join(cluster.folder, "trap-23.db");
    await etcdctl(ETCD_35, cluster.endpoints, ["snapshot", "save", path]);
    const file = readFileSync(path);
    const at = file.indexOf(recordKey(main, 1, true));
    expect(at).toBeGreaterThan(0);
    // The value follows its key: a KeyValue of nothing but the key "tomb".
    const value = Buffer.from([0x0a, 4, ...Buffer.from("tomb")]);
    expect(file.subarray(at + 18, at + 18 + value.length)).toEqual(value);
    const live = file.indexOf(recordKey(main, 0, false));
    expect(file[live + 17]).not.toBe("t".charCodeAt(0));
  });

  test("trap 24: ids have 64 bits: hexadecimal without padding, in JSON decimal and a string", async () => {
    const { header } = await client.call(MaintenanceDefinition, maintenance.status, {});
    const id = header?.memberId ?? 0n;
    expect(id).toBeTypeOf("bigint");
    // Of 64 bits: the hash of the peer URLs and the (default) token, not a number near it.
    const named = createHash("sha1")
      .update(`${cluster.member(0).peerUrl}etcd-cluster`)
      .digest();
    expect(id).toBe(named.readBigUInt64BE(0));
    const listed = await etcdctl(ETCD_35, cluster.endpoints, ["member", "list"]);
    expect(listed.stdout.split(",")[0]).toBe(id.toString(16));
    const path = "/v3/cluster/member/list";
    const { body } = await ask(cluster.member(0).clientUrl, { path, body: "{}" });
    expect(body).toMatch(new RegExp(`"ID":"${id}"`));
  });
});

describe.each(MAKES)("three of %s", (make) => {
  test("trap 17: a new leader lets leases begin anew; each expires once, by the leader", async () => {
    const cluster = await ClusterProcess.start({ make, size: 3, flags: CALM });
    const clients = cluster.members.map((member) => new MemberClient(member.clientUrl));
    const at = (position: number) => clients[position] as MemberClient;
    try {
      const before = await leaderAt(cluster);
      await at(before).call(LeaseDefinition, lease.leaseGrant, { ID: 17n, TTL: 60 });
      const remaining = async (position: number) => {
        const ask60 = { ID: 17n };
        return (await at(position).call(LeaseDefinition, lease.leaseTimeToLive, ask60)).TTL;
      };
      await expect.poll(() => remaining(before)).toBeLessThan(56);
      const after = (before + 1) % 3;
      const { header } = await at(after).call(MaintenanceDefinition, maintenance.status, {});
      const targetID = header?.memberId ?? 0n;
      const movedAt = performance.now();
      await at(before).call(MaintenanceDefinition, maintenance.moveLeader, { targetID });
      // The whole time and one election timeout, but for what has passed since.
      const left = await remaining(after);
      expect(left + (performance.now() - movedAt) / 1_000).toBeGreaterThan(62);

      await at(before).call(LeaseDefinition, lease.leaseGrant, { ID: 18n, TTL: 2 });
      const put = await at(before).put("short", "v", 18n);
      const gone = () => at(before).range("short", "");
      await expect.poll(async () => (await gone()).count).toBe(0);
      expect((await gone()).header?.revision).toBe((put.header?.revision ?? 0) + 1);
      const counts = (name: string) =>
        Promise.all(
          cluster.members.map(async ({ clientUrl }) => {
            return (await scrape(clientUrl)).get(name)?.values.get(`${name}{}`);
          }),
        );
      // All of them revoked it, as one of them told them to.
      await expect.poll(() => counts(REVOKED)).toEqual([1, 1, 1]);
      const expired = [0, 1, 2].map((position) => Number(position === after));
      await expect.poll(() => counts(EXPIRED)).toEqual(expired);
    } finally {
      for (const client of clients) client.close();
      await cluster.stop();
    }
  });
});

test("trap 21: hashes are equal to etcd's, with tombstones at and beside the compacted revision", async () => {
  const hashes = await Promise.all(
    MAKES.map(async (make) => {
      const cluster = await ClusterProcess.start({ make, size: 1 });
      const client = new MemberClient(cluster.member(0).clientUrl);
      try {
        const found: string[] = [];
        const hash = async (revision: number) => {
          const { hash: sum, compactRevision } = await client.call(
            MaintenanceDefinition,
            maintenance.hashKV,
            { revision },
          );
          found.push(`${revision}: ${sum} ${compactRevision}`);
        };
        await client.call(LeaseDefinition, lease.leaseGrant, { ID: -7n, TTL: 600 });
        for (const key of ["a", "b", "c", "\u00ff\u0000", "d"]) await client.put(key, key, -7n);
        await client.put("a", "");
        await hash(0);
        await client.delete("b");
        const tombstone = await client.revision();
        await client.put("b", "again");
        await client.delete("c", "e");
        for (const revision of [0, tombstone - 1, tombstone, tombstone + 1]) await hash(revision);
        for (const revision of [tombstone - 1, tombstone, tombstone + 1]) {
          await client.compact(revision);
          for (const at of [0, revision, revision + 1]) await hash(at);
        }
        return found;
      } finally {
        client.close();
        await cluster.stop();
      }
    }),
  );
  expect(hashes[0]).toHaveLength(14);
  expect(hashes[0]).toEqual(hashes[1]);
});
