import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { DatabaseFile } from "../../server/bbolt/database-file.ts";
import { databaseStatus } from "../../server/bbolt/database-status.ts";
import { writeDatabase } from "../../server/bbolt/database-writer.ts";
import { saveChunks, verifyTrailer, withTrailer } from "../../server/bbolt/snapshot-file.ts";
import { MvccStore } from "../../server/mvcc/store.ts";
import type { KeyValue } from "../../server/proto/gen/kv.ts";
import { Lease } from "../../server/proto/gen/lease.ts";
import { KVDefinition, RangeRequest } from "../../server/proto/gen/rpc.ts";
import type { Engine, Row } from "../../server/storage/engine.ts";
import { LmdbEngine } from "../../server/storage/lmdb-engine.ts";
import { MemoryEngine } from "../../server/storage/memory-engine.ts";
import { TABLES, type Table } from "../../server/storage/tables.ts";
import { ClusterClient, must } from "../harness/cluster-client.ts";
import { MemberClient } from "../harness/member-client.ts";
import { ClusterProcess, etcdctl, MemberProcess } from "../harness/member-process.ts";
import { freePorts } from "../harness/ports.ts";
import { ETCD_34, ETCD_35, type EtcdTools } from "../harness/tools.ts";

const run = promisify(execFile);
/** So that no revision comes again that was given out after the snapshot. */
const REVISION_BUMP = 1_000_000;
const root = mkdtempSync(join(tmpdir(), "quorate-snapshot-"));
const running: { stop(): Promise<unknown> }[] = [];
let count = 0;

afterEach(async () => {
  for (const process of running.splice(0)) await process.stop();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A store's life: puts of many sizes, deletions, a compaction, a lease. */
async function engineWith(keys: number): Promise<Engine> {
  const engine = new MemoryEngine();
  const store = MvccStore.open(engine);
  for (let i = 0; i < keys; i++) {
    const txn = store.begin();
    const size = i % 1_000 === 500 ? 1024 * 1024 : i % 300;
    txn.put(Buffer.from(`key/${i % 7}/${i}`), Buffer.alloc(size, i), i % 50 === 0 ? 77n : 0n);
    if (i % 10 === 9) txn.deleteRange(Buffer.from(`key/${(i - 4) % 7}/${i - 4}`), Buffer.alloc(0));
    txn.end();
  }
  if (keys > 100) {
    store.compact(store.revision - 50);
    while (store.compactStep());
    // Behind the compaction a database without later deletions would prove less.
    const txn = store.begin();
    txn.deleteRange(Buffer.from("key/3/"), Buffer.from("key/3/2"));
    txn.end();
  }
  if (keys > 0) {
    const id = Buffer.from("000000000000004d", "hex");
    engine.put(
      "lease",
      id,
      Buffer.from(Lease.encode({ ID: 77n, TTL: 3600, RemainingTTL: 0 }).finish()),
    );
  }
  engine.put("meta", Buffer.from("consistent_index"), Buffer.from("0000000000000009", "hex"));
  engine.put("meta", Buffer.from("term"), Buffer.from("0000000000000002", "hex"));
  await engine.commit();
  return engine;
}

async function snapshotOf(engine: Engine): Promise<string> {
  const path = join(root, `${count++}.db`);
  const picture = await engine.snapshot();
  const database = await writeDatabase(picture);
  await saveChunks(path, withTrailer(database.chunks()));
  picture.close();
  return path;
}

/** What a tool of etcd's says about a snapshot, in our words. */
async function toolStatus(tools: EtcdTools, path: string): Promise<unknown> {
  const env = { ...process.env, ETCDCTL_API: "3" };
  const { stdout } = await run(tools.etcdutl, ["snapshot", "status", path, "-w", "json"], { env });
  const status = JSON.parse(stdout) as Record<string, unknown>;
  return {
    hash: status["hash"],
    revision: status["revision"],
    totalKeys: status["totalKey"],
    totalBytes: status["totalSize"],
  };
}

async function ourStatus(path: string): Promise<unknown> {
  const file = DatabaseFile.open(path);
  try {
    const { hash, revision, totalKeys, totalBytes } = await databaseStatus(file);
    return { hash, revision, totalKeys, totalBytes };
  } finally {
    file.close();
  }
}

/** Real etcd, started on what its own tool restored from the snapshot. @param more of its flags */
async function restored(
  tools: EtcdTools,
  path: string,
  more: readonly string[] = [],
): Promise<MemberProcess> {
  const [clientPort, peerPort] = (await freePorts(2)) as [number, number];
  const dataDir = join(root, `restored-${count++}`);
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const initialCluster = `m1=${peerUrl}`;
  const flags = ["--name=m1", `--initial-cluster=${initialCluster}`, `--data-dir=${dataDir}`];
  const args = [
    "snapshot",
    "restore",
    path,
    `--initial-advertise-peer-urls=${peerUrl}`,
    ...flags,
    ...more,
  ];
  await run(tools.etcdutl, args, { env: { ...process.env, ETCDCTL_API: "3" } });
  const make = tools.version === "3.4" ? "etcd-3.4" : "etcd-3.5";
  const options = { make, name: "m1", clientPort, peerPort, dataDir, initialCluster } as const;
  const member = new MemberProcess({ ...options, state: "new" });
  running.push(member);
  member.start();
  await member.ready();
  return member;
}

/** One of ours, which is sent the whole state of the only member there is. */
async function joined(first: MemberProcess): Promise<MemberProcess> {
  const [clientPort, peerPort] = (await freePorts(2)) as [number, number];
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const added = await etcdctl(ETCD_35, first.clientUrl, [
    "member",
    "add",
    "m2",
    `--peer-urls=${peerUrl}`,
  ]);
  expect(added).toMatchObject({ code: 0 });
  const initialCluster = `${first.options.initialCluster},m2=${peerUrl}`;
  const dataDir = join(root, `joined-${count++}`);
  const options = { make: "quorate", name: "m2", clientPort, peerPort, dataDir } as const;
  const member = new MemberProcess({ ...options, initialCluster, state: "existing" });
  running.push(member);
  member.start();
  await member.ready();
  return member;
}

function hashKv(store: MvccStore): number {
  const hashing = store.hashing(0);
  for (;;) {
    const slice = hashing.next();
    if (slice.done === true) return slice.value.hash;
  }
}

async function servedKeys(member: MemberProcess): Promise<KeyValue[]> {
  const client = new ClusterClient([member]);
  const every = RangeRequest.fromPartial({ key: Buffer.of(0), rangeEnd: Buffer.of(0) });
  const outcome = await client.at(0).unary(KVDefinition, KVDefinition.methods.range, every, 60_000);
  client.close();
  return must(outcome).kvs;
}

async function servedHash(member: MemberProcess): Promise<number> {
  const client = new ClusterClient([member]);
  const hash = await client.hashKv(0, 0);
  client.close();
  return hash;
}

const rowsOf = (source: { scan(table: Table): Iterable<Row> }) =>
  TABLES.map((table) => [...source.scan(table)]);

describe.each([ETCD_34, ETCD_35])("our snapshot, read by etcd $version", (tools) => {
  test.each([0, 1, 37, 5_000, 200_000])("status agrees about %i keys", async (keys) => {
    const path = await snapshotOf(await engineWith(keys));
    expect(await toolStatus(tools, path)).toEqual(await ourStatus(path));
  });

  test.each([0, 5_000])(
    "restored, etcd serves the same %i keys with the same hash",
    async (keys) => {
      const engine = await engineWith(keys);
      const store = MvccStore.open(engine);
      const member = await restored(tools, await snapshotOf(engine));
      const { records } = store.range({
        key: Buffer.of(0),
        rangeEnd: Buffer.of(0),
        revision: 0,
        limit: 0,
      });
      const served = await servedKeys(member);
      expect(served.length).toBe(records.length);
      for (const [at, { key, value, ...rest }] of served.entries()) {
        const record = records[at];
        expect(record?.key.equals(key)).toBe(true);
        expect(record?.value.equals(value)).toBe(true);
        expect(rest).toEqual({
          createRevision: record?.createRevision,
          modRevision: record?.modRevision,
          version: record?.version,
          lease: record?.lease,
        });
      }
      expect(await servedHash(member)).toBe(hashKv(store));
    },
  );
});

test("trap 23: a restore that bumped the revision is served by ours, and its past is compacted", async () => {
  const engine = await engineWith(37);
  const before = MvccStore.open(engine).revision;
  const bump = [`--bump-revision=${REVISION_BUMP}`, "--mark-compacted"];
  const theirs = await restored(ETCD_35, await snapshotOf(engine), bump);
  const ours = await joined(theirs);
  const client = new MemberClient(ours.clientUrl);
  try {
    const now = before + REVISION_BUMP;
    expect(await client.revision()).toBe(now);
    expect(await servedKeys(ours)).toEqual(await servedKeys(theirs));
    expect(await servedHash(ours)).toBe(await servedHash(theirs));
    for (const revision of [before, now - 1]) {
      await expect(client.range("key/0/0", "", { revision })).rejects.toThrow(
        "etcdserver: mvcc: required revision has been compacted",
      );
    }
    const old = client.watch();
    old.create("key/", { rangeEnd: Buffer.from("key0"), startRevision: before + 1 });
    expect(await old.next()).toMatchObject({ created: true, canceled: false });
    expect(await old.next()).toMatchObject({ canceled: true, compactRevision: now });
    old.close();
    const next = client.watch();
    next.create("key/", { rangeEnd: Buffer.from("key0"), startRevision: now + 1 });
    await next.next();
    await client.put("key/0/0", "after");
    const { events } = await next.next();
    expect(events.map(({ kv }) => kv?.modRevision)).toEqual([now + 1]);
    next.close();
  } finally {
    client.close();
  }
});

test.each([ETCD_34, ETCD_35])("etcd $version goes on writing in our pages", async (tools) => {
  const member = await restored(tools, await snapshotOf(await engineWith(5_000)));
  const client = new ClusterClient([member]);
  for (let i = 0; i < 300; i++) must(await client.put(0, `key/${i % 7}/${i}`, Buffer.alloc(i * 9)));
  client.close();
  const { clientUrl } = member;
  expect(await etcdctl(tools, clientUrl, ["del", "--prefix", "key/5"])).toMatchObject({ code: 0 });
  const before = await servedHash(member);
  expect(await etcdctl(tools, clientUrl, ["defrag"])).toMatchObject({ code: 0 });
  expect(await servedHash(member)).toBe(before);
  const path = join(root, `${count++}.db`);
  expect(await etcdctl(tools, clientUrl, ["snapshot", "save", path])).toMatchObject({ code: 0 });
  expect(await toolStatus(tools, path)).toEqual(await ourStatus(path));
});

describe.each([ETCD_34, ETCD_35])("a snapshot of etcd $version, read by us", (tools) => {
  test("it is whole, has etcd's hashes, and survives the way through our engine", async () => {
    const make = tools.version === "3.4" ? "etcd-3.4" : "etcd-3.5";
    const cluster = await ClusterProcess.start({ make, size: 1 });
    running.push(cluster);
    const { endpoints } = cluster;
    const client = new ClusterClient(cluster.members);
    for (let i = 0; i < 300; i++) {
      must(await client.put(0, `key ${i % 90}`, Buffer.alloc(i % 11 === 0 ? 50_000 : i, i)));
    }
    client.close();
    for (const args of [
      ["del", "key 1"],
      ["lease", "grant", "3600"],
      ["user", "add", "root:secret"],
      ["role", "add", "reader"],
      ["role", "grant-permission", "reader", "read", "key"],
      ["compaction", "250"],
    ]) {
      expect(await etcdctl(tools, endpoints, args)).toMatchObject({ code: 0 });
    }
    const path = join(root, `theirs-${tools.version}.db`);
    expect(await etcdctl(tools, endpoints, ["snapshot", "save", path])).toMatchObject({ code: 0 });
    await verifyTrailer(path);
    expect(await ourStatus(path)).toEqual(await toolStatus(tools, path));

    const engine = await LmdbEngine.open(join(root, `engine-${tools.version}`));
    const theirs = DatabaseFile.open(path);
    await engine.replace(theirs.content());
    expect(rowsOf(engine)).toEqual(rowsOf(theirs));
    expect(hashKv(MvccStore.open(engine))).toBe(await servedHash(cluster.member(0)));
    const again = DatabaseFile.open(await snapshotOf(engine));
    expect(rowsOf(again)).toEqual(rowsOf(theirs));
    again.close();
    theirs.close();
    await engine.close();
  });
});
