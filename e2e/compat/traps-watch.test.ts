import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WatchResponse } from "../../server/proto/gen/rpc.ts";
import { deleteOp, MemberClient, putOp } from "../harness/member-client.ts";
import { ClusterProcess, type Make } from "../harness/member-process.ts";

// What implementers of etcd fall into, one test each: of the watch. Debian's etcd is the control.

const MAKES: readonly Make[] = ["quorate", "etcd-3.5"];
const LARGE = "x".repeat(350_000);
/** Far more than a stream may hold: nobody catches up with them at once. */
const PAST_EVENTS = 100;

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

  test("trap 01: the end of the client's requests does not end its watches", async () => {
    const watch = client.watch();
    watch.create("eof");
    watch.halfClose();
    expect(await watch.next()).toMatchObject({ created: true, canceled: false });
    await client.put("eof", "1");
    await client.put("eof", "2");
    const seen = [];
    while (seen.length < 2) seen.push(...(await watch.next()).events);
    expect(seen.map(({ kv }) => kv?.value.toString())).toEqual(["1", "2"]);
    watch.close();
  });

  test("trap 02: no answer without events shows a revision that was not yet delivered", async () => {
    const watch = client.watch();
    watch.create("resume/", { rangeEnd: Buffer.from("resume0") });
    await watch.next();
    const written: Promise<unknown>[] = [];
    for (let at = 0; at < 60; at++) {
      written.push(client.put(`resume/${at}`, "v"));
      if (at % 3 === 0) watch.askProgress();
      if (at % 10 === 0) await written.at(-1);
    }
    await Promise.all(written);
    watch.askProgress();
    const last = await client.revision();
    let delivered = 0;
    let count = 0;
    const answers = await watch.until(({ watchId, header }) => {
      return watchId === -1n && header?.revision === last;
    });
    const mods = answers.map(({ events }) => events.map(({ kv }) => kv?.modRevision ?? 0));
    for (const [at, { events, header }] of answers.entries()) {
      count += events.length;
      delivered = Math.max(delivered, ...(mods[at] ?? []));
      if (events.length > 0) continue;
      // Whoever resumes behind what it says must miss nothing that comes later.
      const later = mods.slice(at + 1).flat();
      expect(Math.min(Number.MAX_SAFE_INTEGER, ...later)).toBeGreaterThan(header?.revision ?? 0);
    }
    expect([count, delivered]).toEqual([60, last]);
    watch.close();
  });

  test("trap 03: progress is told when all watches are up to date, once, and else not at all", async () => {
    const empty = client.watch();
    empty.askProgress();
    empty.create("progress");
    // Nobody watches yet: what comes first is about the watch.
    expect(await empty.next()).toMatchObject({ created: true, watchId: 0n });
    empty.askProgress();
    const { header, events, watchId, created } = await empty.next();
    expect([watchId, events, created]).toEqual([-1n, [], false]);
    expect(header?.revision).toBe(await client.revision());
    empty.close();

    const ahead = client.watch();
    ahead.create("progress");
    ahead.create("progress", { startRevision: 1_000_000, watchId: 7n });
    await ahead.next();
    await ahead.next();
    ahead.askProgress();
    await client.put("progress", "1");
    const [answer] = (await ahead.next()).events;
    // A watch that starts in the future is not up to date with anything: 3.6's rule. 3.5 answers,
    // and its clients would resume that watch too early.
    expect(answer?.kv?.key.toString()).toBe(make === "quorate" ? "progress" : undefined);
    ahead.close();
  });

  test("trap 03: who catches up for long hears of progress after his last event, and once", async () => {
    const { header } = await client.put("long", "first");
    for (let at = 1; at < PAST_EVENTS; at++) await client.put("long", LARGE);
    const last = await client.revision();
    const watch = client.watch();
    watch.create("long", { startRevision: header?.revision ?? 0 });
    watch.askProgress();
    const isLast = ({ events }: WatchResponse) => events.at(-1)?.kv?.modRevision === last;
    const isProgress = ({ watchId }: WatchResponse) => watchId === -1n;
    const past = await watch.until(isLast);
    expect(past.flatMap(({ events }) => events)).toHaveLength(PAST_EVENTS);
    expect(past.filter(isProgress)).toEqual([]);
    // etcd forgets that it was asked, if anything was left to be sent.
    if (make === "quorate") {
      expect(await watch.next()).toMatchObject({ watchId: -1n, header: { revision: last } });
    }
    await client.put("long", "next");
    const rest = await watch.until(({ events }) => events.length > 0);
    expect(rest.filter(isProgress)).toEqual([]);
    watch.close();
  });

  test("trap 04: a compacted watch is created, then canceled with the revision and no reason", async () => {
    for (let at = 0; at < 5; at++) await client.put("compacted", `${at}`);
    const compacted = await client.revision();
    await client.compact(compacted);
    for (const startRevision of [1, compacted - 1]) {
      const watch = client.watch();
      watch.create("compacted", { startRevision, watchId: 3n });
      expect(await watch.next()).toMatchObject({ created: true, canceled: false, watchId: 3n });
      expect(await watch.next()).toMatchObject({
        watchId: 3n,
        created: false,
        canceled: true,
        compactRevision: compacted,
        cancelReason: "",
        header: { revision: 0 },
      });
      watch.close();
    }
    const negative = client.watch();
    negative.create("compacted", { startRevision: -5, watchId: 3n });
    // 3.5.16 takes it for any revision that is compacted.
    expect(await negative.next()).toMatchObject({
      watchId: make === "quorate" ? -1n : 3n,
      created: true,
      canceled: make === "quorate",
      compactRevision: 0,
      cancelReason:
        make === "quorate" ? "etcdserver: mvcc: required revision has been compacted" : "",
      header: { revision: compacted },
    });
    negative.close();
    const watch = client.watch();
    watch.create("compacted", { startRevision: compacted });
    await watch.next();
    expect((await watch.next()).events.map(({ kv }) => kv?.value.toString())).toEqual(["4"]);
    watch.close();
  });

  test("trap 05: a revision's events come in one answer, unless fragments were asked for", async () => {
    const keys = Array.from({ length: 100 }, (_, at) => `whole/${String(at).padStart(3, "0")}`);
    const rangeEnd = Buffer.from("whole0");
    const watch = client.watch();
    watch.create("whole/", { rangeEnd });
    await watch.next();
    await client.txn({ success: keys.map((key) => putOp(key, "v")) });
    expect((await watch.next()).events.map(({ kv }) => kv?.key.toString())).toEqual(keys);
    watch.close();

    // With what was there before, twice as large as a request may be.
    const large = ["l/1", "l/2", "l/3", "l/4"].map((key) => putOp(key, LARGE));
    await client.txn({ success: large });
    const { header } = await client.txn({ success: large });
    for (const fragment of [false, true]) {
      const parts = client.watch();
      const startRevision = header?.revision ?? 0;
      parts.create("l/", { rangeEnd: Buffer.from("l0"), prevKv: true, fragment, startRevision });
      await parts.next();
      const answers = await parts.until((response) => !response.fragment);
      expect(answers.flatMap(({ events }) => events)).toHaveLength(4);
      if (fragment) expect(answers.length).toBeGreaterThan(1);
      else expect(answers).toHaveLength(1);
      parts.close();
    }
  });

  test("trap 06: every change and deletion comes with what was before, also from history", async () => {
    const live = client.watch();
    live.create("before", { prevKv: true });
    await live.next();
    const { header } = await client.put("before", "1");
    await client.put("before", "2");
    await client.txn({ success: [putOp("before", "3")] });
    await client.txn({ success: [deleteOp("before")] });
    await client.put("before", "4");
    await client.delete("before");
    const past = client.watch();
    past.create("before", { prevKv: true, startRevision: header?.revision ?? 0 });
    await past.next();
    for (const watch of [live, past]) {
      const events = [];
      while (events.length < 6) events.push(...(await watch.next()).events);
      const before = events.map(({ prevKv }) => prevKv?.value.toString());
      expect(before).toEqual([undefined, "1", "2", "3", undefined, "4"]);
      expect(events.map(({ type }) => type)).toEqual([0, 0, 0, 1, 0, 1]);
      watch.close();
    }
  });

  test("trap 11: deleting nothing makes no revision, writing the same again does", async () => {
    const before = await client.revision();
    const nothing = await client.delete("never/", "never0");
    expect([nothing.deleted, nothing.header?.revision]).toEqual([0, before]);
    const watch = client.watch();
    watch.create("same");
    await watch.next();
    for (const step of [1, 2]) {
      const { header } = await client.put("same", "same");
      expect(header?.revision).toBe(before + step);
    }
    const events = [];
    while (events.length < 2) events.push(...(await watch.next()).events);
    expect(events.map(({ kv }) => kv?.version)).toEqual([1, 2]);
    watch.close();
    const fresh = await ClusterProcess.start({ make, size: 1 });
    const first = new MemberClient(fresh.member(0).clientUrl);
    expect(await first.revision()).toBe(1);
    expect((await first.put("a", "b")).header?.revision).toBe(2);
    first.close();
    await fresh.stop();
  });
});
