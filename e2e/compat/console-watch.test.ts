import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { rangeOfPrefix } from "../../lib/etcd/children.ts";
import { EtcdClient } from "../../lib/etcd/client.ts";
import { ClusterError } from "../../lib/etcd/cluster-error.ts";
import { get, range } from "../../lib/etcd/kv.ts";
import { followWatch, hasReliableProgress, type WatchMessage } from "../../lib/etcd/watch.ts";
import {
  CompactionRequest,
  DeleteRangeRequest,
  KVDefinition,
  PutRequest,
  TxnRequest,
} from "../../server/proto/gen/rpc.ts";
import { scrape } from "../harness/exposition.ts";
import { ClusterProcess, type MemberProcess } from "../harness/member-process.ts";

// The console's watch, and its client over several members, against Debian's etcd and ours.

const WATCHERS = "etcd_debugging_mvcc_watcher_total";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

async function put(client: EtcdClient, key: string, value: string | Buffer): Promise<number> {
  const request = PutRequest.fromPartial({ key: bytes(key), value: Buffer.from(value) });
  const reply = await client.write(KVDefinition, KVDefinition.methods.put, request);
  return reply.header?.revision ?? 0;
}

/** Repeats a write until it is answered: there may be an election first. */
async function putAtLast(client: EtcdClient, key: string, value: string): Promise<number> {
  for (;;) {
    try {
      return await put(client, key, value);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      await delay(100);
    }
  }
}

async function compact(client: EtcdClient, revision: number): Promise<void> {
  const request = CompactionRequest.fromPartial({ revision });
  await client.write(KVDefinition, KVDefinition.methods.compact, request);
}

/** Collects a watch's messages until told to stop. */
class Watcher {
  readonly messages: WatchMessage[] = [];
  readonly #control = new AbortController();
  readonly #done: Promise<void>;
  #wake: (() => void) | undefined;

  constructor(client: EtcdClient, prefix: string, startRevision?: number) {
    const target = { ...rangeOfPrefix(bytes(prefix)), startRevision };
    this.#done = (async () => {
      for await (const message of followWatch(client, target, this.#control.signal)) {
        this.messages.push(message);
        this.#wake?.();
      }
    })();
  }

  get changes(): Extract<WatchMessage, { type: "change" }>[] {
    return this.messages.filter((message) => message.type === "change");
  }

  of(type: WatchMessage["type"]): WatchMessage[] {
    return this.messages.filter((message) => message.type === type);
  }

  async until(condition: () => boolean, limitMs = 20_000): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!condition()) {
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`not reached: ${JSON.stringify(this.messages.slice(-3))}`);
      await Promise.race([
        delay(Math.min(left, 200)),
        new Promise<void>((go) => (this.#wake = go)),
      ]);
    }
  }

  async stop(): Promise<void> {
    this.#control.abort();
    await this.#done;
  }
}

test("progress of members that may report it too early is not believed", () => {
  const reliable = ["3.4.31", "3.5.13", "3.5.16", "3.6.0", "3.6.0-rc.1", "4.0.0"];
  const early = ["3.4.23", "3.5.12", "3.3.27", "3.5.0-pre"];
  expect(reliable.filter(hasReliableProgress)).toEqual(reliable);
  expect(early.filter(hasReliableProgress)).toEqual([]);
});

describe.each(["etcd-3.4", "etcd-3.5", "quorate"] as const)("a watch over one %s", (make) => {
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

  test("every change comes once, in order, with what stood there before", async () => {
    const watcher = new Watcher(client, "w/");
    await watcher.until(() => watcher.of("open").length === 1);
    const first = await put(client, "w/\xff", "1");
    await put(client, "elsewhere", "x");
    const second = await put(client, "w/\xff", "2");
    const request = DeleteRangeRequest.fromPartial({ key: bytes("w/\xff") });
    await client.write(KVDefinition, KVDefinition.methods.deleteRange, request);
    await watcher.until(() => watcher.changes.length === 3);
    expect(watcher.changes.map(({ revision }) => revision)).toEqual([first, second, second + 1]);
    expect(watcher.changes.map(({ events }) => events[0]?.record?.value.toString())).toEqual([
      "1",
      "2",
      undefined,
    ]);
    expect(watcher.changes.map(({ events }) => events[0]?.previous?.value.toString())).toEqual([
      undefined,
      "1",
      "2",
    ]);
    await watcher.stop();
  });

  test("history is delivered from the revision that was asked for", async () => {
    const from = await put(client, "h/1", "a");
    await put(client, "h/2", "b");
    const watcher = new Watcher(client, "h/", from);
    await watcher.until(() => watcher.changes.length === 2);
    expect(watcher.changes[0]).toMatchObject({ revision: from, part: 0, isLast: true });
    await watcher.stop();
  });

  test("what compaction took is named, and the watch goes on behind it", async () => {
    const from = await put(client, "c/1", "a");
    await put(client, "c/1", "b");
    const compacted = await put(client, "c/1", "c");
    await compact(client, compacted);
    const watcher = new Watcher(client, "c/", from);
    await watcher.until(() => watcher.of("gap").length === 1);
    expect(watcher.of("gap")).toEqual([{ type: "gap", from, compactRevision: compacted }]);
    const next = await put(client, "c/1", "d");
    await watcher.until(() => watcher.changes.length === 1);
    expect(watcher.changes[0]?.revision).toBe(next);
    await watcher.stop();
  });

  test("a revision of many and large events comes whole, in parts", async () => {
    const watcher = new Watcher(client, "big/");
    await watcher.until(() => watcher.of("open").length === 1);
    for (let at = 0; at < 1_200; at += 100) {
      const success = Array.from({ length: 100 }, (_, i) => {
        const key = bytes(`big/${String(at + i).padStart(5, "0")}`);
        return { requestPut: PutRequest.fromPartial({ key, value: Buffer.alloc(6_000, 97) }) };
      });
      const request = TxnRequest.fromPartial({ success });
      await client.write(KVDefinition, KVDefinition.methods.txn, request);
    }
    const { key, rangeEnd } = rangeOfPrefix(bytes("big/"));
    const request = DeleteRangeRequest.fromPartial({ key, rangeEnd });
    await client.write(KVDefinition, KVDefinition.methods.deleteRange, request);
    const isDelete = (at: number) => watcher.changes[at]?.events[0]?.record === undefined;
    await watcher.until(() => {
      const last = watcher.changes.length - 1;
      return last >= 0 && isDelete(last) && watcher.changes[last]?.isLast === true;
    });
    const parts = watcher.changes.filter((_, at) => isDelete(at));
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.map(({ part }) => part)).toEqual(parts.map((_, at) => at));
    expect(parts.map(({ isLast }) => isLast)).toEqual(
      parts.map((_, at) => at === parts.length - 1),
    );
    const deleted = parts.flatMap(({ events }) => events.map((event) => event.key.toString()));
    expect(new Set(deleted).size).toBe(1_200);
    expect(deleted).toHaveLength(1_200);
    await watcher.stop();
  });

  test("a reader that stops reading for a while has missed nothing afterwards", async () => {
    const control = new AbortController();
    const target = { ...rangeOfPrefix(bytes("slow/")) };
    const source = followWatch(client, target, control.signal);
    expect((await source.next()).value).toMatchObject({ type: "open" });
    const written: number[] = [];
    const value = Buffer.alloc(20_000, 98);
    for (let at = 0; at < 1_500; at++) written.push(await put(client, "slow/k", value));
    const seen: number[] = [];
    while (seen.length < written.length) {
      const { value: message } = await source.next();
      if (message?.type === "change") seen.push(message.revision);
    }
    expect(seen).toEqual(written);
    control.abort();
    await source.return(undefined);
  });
});

describe.each(["etcd-3.5", "quorate"] as const)("over three members of %s", (make) => {
  let cluster: ClusterProcess;
  let client: EtcdClient;

  beforeEach(async () => {
    cluster = await ClusterProcess.start({ make, size: 3 });
    client = new EtcdClient({ endpoints: cluster.endpoints.split(",") });
  });

  afterEach(async () => {
    client?.close();
    await cluster?.stop();
  });

  /** The one member that has a watch, and a client of the two others. */
  async function watched(): Promise<{ member: MemberProcess; other: EtcdClient }> {
    const counts = () =>
      Promise.all(
        cluster.members.map(async ({ clientUrl }) => {
          return (await scrape(clientUrl)).get(WATCHERS)?.values.get(`${WATCHERS}{}`) ?? 0;
        }),
      );
    const sorted = async () => (await counts()).toSorted((a, b) => a - b);
    await expect.poll(sorted).toEqual([0, 0, 1]);
    const member = cluster.member((await counts()).indexOf(1));
    const others = cluster.members.filter((each) => each !== member);
    const other = new EtcdClient({ endpoints: others.map(({ clientUrl }) => clientUrl) });
    return { member, other };
  }

  test("a watch whose member is killed goes on elsewhere without loss or repetition", async () => {
    const watcher = new Watcher(client, "k/");
    await watcher.until(() => watcher.of("open").length === 1);
    const { member, other } = await watched();
    const written: number[] = [];
    for (let at = 0; at < 60; at++) {
      if (at === 20) await member.stop("SIGKILL");
      written.push(await putAtLast(other, "k/x", String(at)));
    }
    const last = written.at(-1);
    await watcher.until(() => watcher.changes.at(-1)?.revision === last);
    const seen = watcher.changes.map(({ revision }) => revision);
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    const kept = await range(other, { key: bytes("k/x"), revision: last });
    expect(kept.kvs[0]?.value.toString()).toBe("59");
    expect(written.filter((revision) => !seen.includes(revision))).toEqual([]);
    expect(watcher.of("lost").length).toBeGreaterThan(0);
    expect(watcher.of("restored").length).toBeGreaterThan(0);
    await watcher.stop();
    other.close();
  });

  test("a watch leaves a member that is frozen, and has missed nothing", async () => {
    const watcher = new Watcher(client, "f/");
    await watcher.until(() => watcher.of("open").length === 1);
    const { member, other } = await watched();
    member.kill("SIGSTOP");
    const written = await putAtLast(other, "f/x", "1");
    await watcher.until(() => watcher.changes.some(({ revision }) => revision === written), 40_000);
    expect(watcher.of("restored").length).toBeGreaterThan(0);
    await watcher.stop();
    other.close();
  });

  test("a watch that is given up while it connects ends at once", async () => {
    const control = new AbortController();
    const target = { ...rangeOfPrefix(bytes("gone/")) };
    const source = followWatch(client, target, control.signal);
    const first = source.next();
    control.abort();
    await Promise.race([first.catch(() => undefined), delay(5_000)]);
    expect((await source.next()).done).toBe(true);
  });

  test("a read moves on when its member is frozen in the middle of everything", async () => {
    await putAtLast(client, "a", "1");
    cluster.member(0).kill("SIGSTOP");
    const read = () => get(client, bytes("a")).then(({ kv }) => kv?.value.toString());
    await expect.poll(read, { timeout: 20_000 }).toBe("1");
  });

  test("reads and writes move on when their member is dead", async () => {
    await putAtLast(client, "a", "1");
    await cluster.member(0).stop("SIGKILL");
    await putAtLast(client, "a", "2");
    expect((await get(client, bytes("a"))).kv?.value.toString()).toBe("2");
  });

  test("without a quorum a read says so by name instead of hanging", async () => {
    await putAtLast(client, "a", "1");
    await cluster.member(1).stop("SIGKILL");
    await cluster.member(2).stop("SIGKILL");
    const deadline = performance.now() + 30_000;
    let code = "";
    while (code !== "no-leader" && performance.now() < deadline) {
      code = await get(client, bytes("a")).then(
        () => "answered",
        (error: unknown) => (error instanceof ClusterError ? error.code : "other"),
      );
      if (code !== "no-leader") expect(["timeout", "answered"]).toContain(code);
    }
    expect(code).toBe("no-leader");
    const local = await range(client, { key: bytes("a"), serializable: true });
    expect(local.kvs[0]?.value.toString()).toBe("1");
  });
});
