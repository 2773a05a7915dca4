import { createServer } from "node:http";
import { createServer as createSocketServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { children, type FolderChild, type KeyChild } from "../../lib/etcd/children.ts";
import { EtcdClient } from "../../lib/etcd/client.ts";
import { ClusterError } from "../../lib/etcd/cluster-error.ts";
import { checkPlan, deletePrefix, previewDelete } from "../../lib/etcd/delete-prefix.ts";
import { create, deleteIfUnchanged, get, putIfUnchanged, range } from "../../lib/etcd/kv.ts";
import { timeToLive } from "../../lib/etcd/lease.ts";
import {
  KVDefinition,
  LeaseDefinition,
  LeaseGrantRequest,
  PutRequest,
  TxnRequest,
} from "../../server/proto/gen/rpc.ts";
import { ClusterProcess } from "../harness/member-process.ts";
import { freePorts } from "../harness/ports.ts";

// The console's client against single members of Debian's etcd, and of ours.

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

async function errorOf(run: () => Promise<unknown>): Promise<ClusterError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof ClusterError) return error;
    throw error;
  }
  throw new Error("nothing failed");
}

async function put(client: EtcdClient, key: string, value = "v"): Promise<number> {
  const target = { key: bytes(key), value: bytes(value) };
  const made = await create(client, target);
  if (made.done) return made.revision;
  const modRevision = made.current?.modRevision ?? 0;
  const saved = await putIfUnchanged(client, { ...target, modRevision });
  expect(saved.done).toBe(true);
  return saved.revision;
}

describe.each(["etcd-3.4", "etcd-3.5", "quorate"] as const)("over %s", (make) => {
  let cluster: ClusterProcess;
  let client: EtcdClient;

  beforeAll(async () => {
    cluster = await ClusterProcess.start({ make, size: 1 });
    client = new EtcdClient({ endpoints: [cluster.endpoints] });
  });

  afterAll(async () => {
    client?.close();
    await cluster?.stop();
  });

  test("a save replaces exactly the version that was read, and shows the other one else", async () => {
    const key = bytes("save/\x00\xff");
    const value = Buffer.from([0, 255, 10, 13, 128]);
    const made = await create(client, { key, value });
    expect(made).toMatchObject({ done: true, kv: { version: 1, value } });
    const read = await get(client, key);
    expect(read.kv?.value).toEqual(value);
    const modRevision = read.kv?.modRevision ?? 0;

    const saved = await putIfUnchanged(client, { key, value: bytes("mine"), modRevision });
    expect(saved).toMatchObject({ done: true, kv: { version: 2 } });
    const late = await putIfUnchanged(client, { key, value: bytes("theirs"), modRevision });
    expect(late).toMatchObject({ done: false, current: { value: bytes("mine"), version: 2 } });
    expect((await get(client, key)).kv?.value).toEqual(bytes("mine"));

    const gone = await deleteIfUnchanged(client, { key, modRevision });
    expect(gone.done).toBe(false);
    await deleteIfUnchanged(client, { key, modRevision: saved.revision });
    expect(await putIfUnchanged(client, { key, value, modRevision })).toMatchObject({
      done: false,
      current: undefined,
    });
    expect((await get(client, key, { revision: saved.revision })).kv?.value).toEqual(bytes("mine"));
  });

  test("a save keeps the lease, and its keys are counted on it", async () => {
    const grant = await client.write(
      LeaseDefinition,
      LeaseDefinition.methods.leaseGrant,
      LeaseGrantRequest.fromPartial({ TTL: 600, ID: 2n ** 62n + 12345n }),
    );
    const key = bytes("leased");
    const made = await create(client, { key, value: bytes("1"), lease: grant.ID });
    const kept = await putIfUnchanged(client, {
      key,
      value: bytes("2"),
      modRevision: made.revision,
    });
    expect(kept).toMatchObject({ done: true, kv: { lease: 2n ** 62n + 12345n } });
    const state = await timeToLive(client, grant.ID);
    expect(state?.grantedTtlSeconds).toBe(600);
    expect(state?.ttlSeconds).toBeGreaterThan(500);
    expect(state?.keys).toEqual([key]);
    const freed = await putIfUnchanged(client, {
      key,
      value: bytes("3"),
      modRevision: kept.revision,
      lease: 0n,
    });
    expect(freed).toMatchObject({ done: true, kv: { lease: 0n } });
    expect(await timeToLive(client, 77n)).toBeUndefined();
  });

  test("create writes nothing over a key that exists", async () => {
    await put(client, "there", "old");
    expect(await create(client, { key: bytes("there"), value: bytes("new") })).toMatchObject({
      done: false,
      current: { value: bytes("old") },
    });
  });

  test("a value beyond etcd's limit is refused with a name, and nothing is written", async () => {
    const key = bytes("large");
    const value = Buffer.alloc(1_600_000);
    expect((await errorOf(() => create(client, { key, value }))).code).toBe("too-large");
    const enormous = Buffer.alloc(3_000_000);
    expect((await errorOf(() => create(client, { key, value: enormous }))).code).toBe("too-large");
    expect((await get(client, key)).kv).toBeUndefined();
  });

  test("a revision of the future is refused, not guessed", async () => {
    const error = await errorOf(() => get(client, bytes("a"), { revision: 1_000_000 }));
    expect(error).toMatchObject({ code: "future-revision", etcdCode: "FutureRev" });
  });

  test("every level of the tree is what a listing of all keys says, page by page", async () => {
    const names = [
      "/",
      "//",
      "/a",
      "a",
      "a/",
      "a/b",
      "a//c",
      "é/x",
      "\xff",
      "\xff/",
      "\x00/k",
      "z.y.x",
    ];
    for (const name of names) await put(client, `t/${name}`);
    for (let at = 0; at < 40; at++) await put(client, `t/many/${at % 4}/${at}`);
    const separator = bytes("/");
    const open = async (prefix: Buffer): Promise<string[]> => {
      const found: (KeyChild | FolderChild)[] = [];
      let after: Awaited<ReturnType<typeof children>>["next"];
      let revision: number | undefined;
      do {
        const page = await children(client, { prefix, separator, revision, after, limit: 3 });
        found.push(...page.children);
        revision = page.revision;
        after = page.next;
      } while (after !== undefined);
      const keys: string[] = [];
      for (const child of found) {
        if (child.kind === "key") keys.push(child.key.toString("hex"));
        else {
          const below = await open(child.key);
          expect(below).toHaveLength(child.count);
          keys.push(...below);
        }
      }
      return keys;
    };
    const all = await range(client, { key: bytes("t/"), rangeEnd: bytes("t0"), keysOnly: true });
    expect(await open(bytes("t/"))).toEqual(all.kvs.map((kv) => kv.key.toString("hex")));
  });

  test("a pinned revision shows the tree as it was", async () => {
    await put(client, "pin/a/1");
    const query = { prefix: bytes("pin/"), separator: bytes("/"), limit: 10 };
    const before = await children(client, query);
    await put(client, "pin/b/1");
    const then = await children(client, { ...query, revision: before.revision });
    expect(then.children.map((child) => child.key)).toEqual([bytes("pin/a/")]);
    expect((await children(client, query)).children).toHaveLength(2);
  });

  test("delete-prefix deletes what was shown, siblings stay", async () => {
    for (const key of ["del/a", "del/b", "del/b/c", "delta", "del"]) await put(client, key);
    const preview = await previewDelete(client, bytes("del/"));
    expect(preview).toMatchObject({ count: 3, start: bytes("del/"), end: bytes("del0") });
    const plan = { prefix: bytes("del/"), revision: preview.revision, count: preview.count };
    await checkPlan(client, plan);
    const steps = [];
    for await (const step of deletePrefix(client, plan, AbortSignal.timeout(10_000))) {
      steps.push(step);
    }
    expect(steps.at(-1)).toMatchObject({ type: "done", deleted: 3, alreadyGone: 0 });
    expect((await previewDelete(client, bytes("del/"))).count).toBe(0);
    expect((await get(client, bytes("delta"))).kv).toBeDefined();
    expect((await get(client, bytes("del"))).kv).toBeDefined();
  });

  test("delete-prefix does nothing when the range is not what was shown", async () => {
    for (const key of ["chg/a", "chg/b"]) await put(client, key);
    const prefix = bytes("chg/");
    const { revision, count } = await previewDelete(client, prefix);
    await put(client, "chg/b", "written since");
    const written = await errorOf(() => checkPlan(client, { prefix, revision, count }));
    expect(written.code).toBe("modified");
    const plan = { prefix, revision, count };
    const drain = async () => {
      for await (const step of deletePrefix(client, plan, AbortSignal.timeout(10_000))) {
        expect(step.type).toBe("never");
      }
    };
    expect((await errorOf(drain)).code).toBe("modified");

    const again = await previewDelete(client, prefix);
    const a = (await get(client, bytes("chg/a"))).kv?.modRevision ?? 0;
    await deleteIfUnchanged(client, { key: bytes("chg/a"), modRevision: a });
    const missing = await errorOf(() =>
      checkPlan(client, { prefix, revision: again.revision, count: again.count }),
    );
    expect(missing).toMatchObject({ code: "modified", detail: { count: 1 } });
    expect((await get(client, bytes("chg/b"))).kv?.value).toEqual(bytes("written since"));
  });

  test("delete-prefix of many keys goes in steps that add up", async () => {
    const total = 9_000;
    for (let at = 0; at < total; at += 120) {
      const success = Array.from({ length: Math.min(120, total - at) }, (_, i) => ({
        requestPut: PutRequest.fromPartial({ key: bytes(`bulk/${at + i}`), value: bytes("v") }),
      }));
      await client.write(
        KVDefinition,
        KVDefinition.methods.txn,
        TxnRequest.fromPartial({ success }),
      );
    }
    const { revision, count } = await previewDelete(client, bytes("bulk/"));
    expect(count).toBe(total);
    const progress: number[] = [];
    const plan = { prefix: bytes("bulk/"), revision, count };
    for await (const step of deletePrefix(client, plan, AbortSignal.timeout(60_000))) {
      progress.push(step.deleted);
    }
    expect(progress).toEqual([4_000, 8_000, 9_000, 9_000]);
  });
});

describe("an endpoint that is no etcd", () => {
  const refused = async (endpoint: string): Promise<string> => {
    const client = new EtcdClient({ endpoints: [endpoint] });
    try {
      return (await errorOf(() => get(client, bytes("a")))).code;
    } finally {
      client.close();
    }
  };

  test("is told from one where nothing listens, and from a name that does not resolve", async () => {
    const [free, web, mute, tls] = (await freePorts(4)) as [number, number, number, number];
    const webServer = createServer((_, reply) => reply.end("hello")).listen(web);
    const muteServer = createSocketServer(() => undefined).listen(mute);
    const tlsTarget = createServer((_, reply) => reply.end("hello")).listen(tls);
    await delay(50);
    try {
      expect(await refused(`http://127.0.0.1:${free}`)).toBe("unreachable");
      expect(await refused(`http://127.0.0.1:${web}`)).toBe("not-etcd");
      expect(await refused(`http://127.0.0.1:${mute}`)).toBe("timeout");
      expect(await refused(`https://127.0.0.1:${tls}`)).toBe("tls");
      // A label that is too long: no name server is asked, whose answer may take its time.
      expect(await refused(`http://${"a".repeat(64)}.invalid:2379`)).toBe("dns");
    } finally {
      for (const server of [webServer, muteServer, tlsTarget]) server.close();
    }
  });

  test("is refused by its form when it is malformed", () => {
    for (const endpoint of ["unix:///tmp/x", "http://a:1/path", "ftp://a:1", "http://", "::"]) {
      expect(() => new EtcdClient({ endpoints: [endpoint] }), endpoint).toThrow(ClusterError);
    }
  });
});
