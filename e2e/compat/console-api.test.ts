import { afterAll, beforeAll, expect, test } from "vitest";
import { DeleteProgress } from "../../lib/schema/delete-progress.ts";
import { ErrorReply } from "../../lib/schema/errors.ts";
import {
  ChildrenReply,
  DeletePreviewReply,
  DeleteReply,
  KeyValue,
  SaveReply,
  SearchReply,
  SummaryReply,
  ValueReply,
} from "../../lib/schema/keys.ts";
import { LeaseReply } from "../../lib/schema/leases.ts";
import { ChangeEvent, OpenEvent, ResetEvent } from "../../lib/schema/watch.ts";
import { CompactionRequest, KVDefinition, LeaseDefinition } from "../../server/proto/gen/rpc.ts";
import { ConsoleApi, sseMessages } from "../harness/console-api.ts";
import { ClusterProcess } from "../harness/member-process.ts";

// The console's API over Debian's etcd, handler by handler, in the words of lib/schema.

let cluster: ClusterProcess;
let api: ConsoleApi;

const b64 = (text: string): string => Buffer.from(text, "latin1").toString("base64");
const url64 = (text: string): string => Buffer.from(text, "latin1").toString("base64url");
const valueOf = (key: string): string => `keys/value?key=${url64(key)}`;

beforeAll(async () => {
  cluster = await ClusterProcess.start({ make: "etcd-3.5", size: 1 });
  api = await ConsoleApi.start(cluster.endpoints);
});

afterAll(async () => {
  await api?.stop();
  await cluster?.stop();
});

async function create(key: string, value = "v"): Promise<SaveReply> {
  const body = { key: b64(key), value: b64(value) };
  const reply = await api.call("keys/value", { method: "POST", body });
  expect(reply.status).toBe(201);
  return SaveReply.parse(await reply.json());
}

async function save(key: string, value: string, modRevision: string): Promise<Response> {
  const headers = { "if-match": `"${modRevision}"` };
  return api.call(valueOf(key), { method: "PUT", headers, body: { value: b64(value) } });
}

async function errorOf(response: Response): Promise<ErrorReply["error"]> {
  return ErrorReply.parse(await response.json()).error;
}

test("of two editors the second is told what the first one wrote, and overwrites nothing", async () => {
  const made = await create("edit", "base");
  const first = SaveReply.parse(await (await save("edit", "first", made.kv.modRevision)).json());
  const second = await save("edit", "second", made.kv.modRevision);
  expect(second.status).toBe(412);
  const { code, detail } = await errorOf(second);
  expect(code).toBe("modified");
  const current = KeyValue.parse(detail?.["current"]);
  expect(current).toMatchObject({ value: b64("first"), modRevision: first.kv.modRevision });
  const read = await api.call(valueOf("edit"));
  expect(read.headers.get("etag")).toBe(`"${first.kv.modRevision}"`);
  expect(ValueReply.parse(await read.json()).kv.value).toBe(b64("first"));
});

test("a save or a delete of a key that is gone says that it is gone", async () => {
  const made = await create("gone");
  const headers = { "if-match": `"${made.kv.modRevision}"` };
  const removed = await api.call(valueOf("gone"), { method: "DELETE", headers });
  expect(DeleteReply.parse(await removed.json()).revision).not.toBe(made.revision);
  for (const again of [
    await save("gone", "x", made.kv.modRevision),
    await api.call(valueOf("gone"), { method: "DELETE", headers }),
  ]) {
    expect(again.status).toBe(412);
    expect((await errorOf(again)).detail).toEqual({ current: null });
  }
  expect((await api.call(valueOf("gone"))).status).toBe(404);
});

test("creating a key that exists is a conflict that shows it", async () => {
  await create("twice", "there");
  const body = { key: b64("twice"), value: b64("new") };
  const reply = await api.call("keys/value", { method: "POST", body });
  expect(reply.status).toBe(409);
  const { code, detail } = await errorOf(reply);
  expect(code).toBe("exists");
  expect(KeyValue.parse(detail?.["current"]).value).toBe(b64("there"));
});

test("a key is created on a lease that is there, or on its own, and else no lease is left", async () => {
  const client = api.state.connections.client("local");
  const count = async () => {
    const { leaseLeases } = LeaseDefinition.methods;
    return (await client.read(LeaseDefinition, leaseLeases, {})).leases.length;
  };
  const put = async (key: string, more: object) =>
    api.call("keys/value", { method: "POST", body: { key: b64(key), value: "", ...more } });
  const own = SaveReply.parse(await (await put("leased/a", { ttlSeconds: 600 })).json());
  const shared = await put("leased/b", { lease: own.kv.lease });
  expect(SaveReply.parse(await shared.json()).kv.lease).toBe(own.kv.lease);
  const lease = LeaseReply.parse(await (await api.call(`leases/${own.kv.lease}`)).json());
  expect(lease).toMatchObject({ grantedTtlSeconds: 600, keyCount: 2 });
  expect((await put("leased/long", { ttlSeconds: 9_000_000_000 })).status).toBe(201);
  const before = await count();

  expect((await put("leased/a", { ttlSeconds: 60 })).status).toBe(409);
  expect((await put("leased/c", { lease: "12345" })).status).toBe(404);
  const large = Buffer.alloc(1_600_000).toString("base64");
  expect((await put("leased/c", { ttlSeconds: 60, value: large })).status).toBe(413);
  for (const ttlSeconds of [0, -1, 1.5, 9_000_000_001, "60", null]) {
    expect((await errorOf(await put("leased/c", { ttlSeconds }))).message).toMatch(/^ttlSeconds: /);
  }
  const both = await put("leased/c", { lease: own.kv.lease, ttlSeconds: 60 });
  expect((await errorOf(both)).message).toMatch(/either a lease or a time to live/);
  expect(await count()).toBe(before);
  expect((await api.call(valueOf("leased/c"))).status).toBe(404);
});

test("malformed input of every kind is named and changes nothing", async () => {
  const made = await create("input", "kept");
  const headers = { "if-match": `"${made.kv.modRevision}"` };
  const put = (body: unknown, over = {}) =>
    api.call(valueOf("input"), { method: "PUT", headers: { ...headers, ...over }, body });
  const wrong: [Promise<Response>, number, RegExp][] = [
    [put('{"value":'), 400, /not valid JSON/],
    [put("[]"), 400, /body/],
    [put({ value: "%%%" }), 400, /^value: /],
    [put({ value: 7 }), 400, /^value: /],
    [put({ value: b64("x"), lease: "1e3" }), 400, /^lease: /],
    [put({ value: b64("x"), lease: "99999999999999999999" }), 400, /^lease: /],
    [put({ value: b64("x") }, { "if-match": "*" }), 400, /If-Match/],
    [put({ value: Buffer.alloc(1_600_000).toString("base64") }), 413, /1\.5 MiB/],
    [put({ value: Buffer.alloc(9_000_000).toString("base64") }), 413, /larger than/],
    [put({ value: b64("x"), lease: "12345" }), 404, /lease/],
    [api.call("keys/value?key="), 400, /^key: /],
    [api.call("keys/value?key=%2B%2F"), 400, /^key: /],
    [api.call("keys/children?limit=0"), 400, /^limit: /],
    [api.call("keys/children?separator="), 400, /^separator: /],
    [api.call("keys/children?revision=-1"), 400, /^revision: /],
    [api.call("keys/children?revision=999999999"), 400, /future revision/],
    [api.call("keys/children?cursor=AA"), 400, /cursor/],
    [api.call("leases/xyz"), 400, /lease/],
    [api.call("watch?key=YQ&prefix=YQ"), 400, /either key, prefix or start/],
    [api.call("watch?prefix=&end=YQ"), 400, /an end needs a start/],
    [api.call("watch?start=Yg&end=YQ"), 400, /its end must come after its start/],
    [api.call("watch?prefix=", { headers: { "last-event-id": "x" } }), 400, /Last-Event-ID/],
    [api.call("watch?prefix=&clusterId=x"), 400, /clusterId: not a decimal number/],
    [api.call("watch?prefix=&raftTerm=-1"), 400, /raftTerm: not a decimal number/],
  ];
  for (const [pending, status, message] of wrong) {
    const reply = await pending;
    const error = await errorOf(reply);
    expect(error.message).toMatch(message);
    expect(reply.status, error.message).toBe(status);
    expect(reply.headers.get("cache-control")).toBe("no-store");
  }
  const { kv } = ValueReply.parse(await (await api.call(valueOf("input"))).json());
  expect(kv).toMatchObject({ value: b64("kept"), modRevision: made.kv.modRevision });
});

test("keys of any bytes are listed, searched and read as they are", async () => {
  const names = ["bin/\xff\x00", "bin/</script>\n\n", "bin//x", "bin/a/1", "bin/a"];
  for (const name of names) await create(name, name);
  const listed = await api.call(`keys/children?prefix=${url64("bin/")}`);
  const level = ChildrenReply.parse(await listed.json());
  expect(level.count).toBe(5);
  expect(level.children.map(({ kind, name }) => [kind, name])).toEqual([
    ["folder", ""],
    ["folder", b64("<")],
    ["key", b64("a")],
    ["folder", b64("a")],
    ["key", b64("\xff\x00")],
  ]);
  const summary = await api.call(`keys/summary?prefix=${url64("bin/")}`);
  expect(SummaryReply.parse(await summary.json())).toMatchObject({
    onlyMember: null,
    count: 5,
    listed: 5,
    leased: 0,
    weighed: 5,
    valueBytes: names.join("").length,
    recent: names.toReversed().map((name) => ({ key: b64(name) })),
    oldest: { key: b64(names[0] ?? "") },
    largest: [{ key: b64(names[1] ?? ""), sizeBytes: 15 }, {}, {}, {}, {}],
  });
  const found: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const more = cursor === "" ? "" : `&cursor=${cursor}`;
    const page = await api.call(`keys/search?prefix=${url64("bin/")}&limit=2${more}`);
    const reply = SearchReply.parse(await page.json());
    expect(reply.count).toBe(5);
    found.push(...reply.keys.map(({ key }) => key));
    cursor = reply.cursor;
  }
  expect(found.sort()).toEqual(names.map(b64).sort());
  for (const name of names) {
    const { kv } = ValueReply.parse(await (await api.call(valueOf(name))).json());
    expect(kv.value).toBe(b64(name));
  }
});

test("what the preview counts is what goes, and a stale preview deletes nothing", async () => {
  for (const key of ["p/1", "p/2", "p/3", "p", "p0"]) await create(key);
  const preview = DeletePreviewReply.parse(
    await (await api.call(`keys/delete-preview?prefix=${url64("p/")}`)).json(),
  );
  expect(preview).toMatchObject({ count: 3, start: b64("p/"), end: b64("p0") });
  const body = { prefix: b64("p/"), revision: preview.revision, count: preview.count };
  const kept = ValueReply.parse(await (await api.call(valueOf("p/2"))).json());
  await save("p/2", "newer", kept.kv.modRevision);
  const stale = await api.call("keys/delete-prefix", { method: "POST", body });
  expect(stale.status).toBe(412);

  const again = DeletePreviewReply.parse(
    await (await api.call(`keys/delete-preview?prefix=${url64("p/")}`)).json(),
  );
  const reply = await api.call("keys/delete-prefix", {
    method: "POST",
    body: { ...body, revision: again.revision, count: again.count },
  });
  expect(reply.status).toBe(200);
  const lines = (await reply.text()).trim().split("\n");
  const steps = lines.map((line) => DeleteProgress.parse(JSON.parse(line)));
  expect(steps.at(-1)).toMatchObject({ type: "done", deleted: 3, alreadyGone: 0 });
  expect((await api.call(valueOf("p"))).status).toBe(200);
  expect((await api.call(valueOf("p0"))).status).toBe(200);
});

test("a stream resumes behind the last id it gave, and names what compaction took", async () => {
  const control = new AbortController();
  const first = await api.call(`watch?prefix=${url64("s/")}`, { signal: control.signal });
  expect(first.headers.get("content-type")).toContain("text/event-stream");
  const stream = sseMessages(first);
  const open = await stream.next();
  expect(open.value).toMatchObject({ event: "open" });
  OpenEvent.parse(open.value?.data);
  const one = await create("s/1");
  const change = await stream.next();
  expect(change.value?.id).toBe(one.revision);
  expect(ChangeEvent.parse(change.value?.data).events).toMatchObject([
    { type: "put", key: b64("s/1"), kv: { value: b64("v") }, previous: null },
  ]);
  control.abort();
  await stream.return(undefined);

  const two = await create("s/2");
  await create("s/3");
  const headers = { "last-event-id": one.revision };
  const again = new AbortController();
  const resumed = sseMessages(
    await api.call(`watch?prefix=${url64("s/")}`, { headers, signal: again.signal }),
  );
  expect((await resumed.next()).value?.data).toMatchObject({
    from: String(BigInt(one.revision) + 1n),
  });
  expect((await resumed.next()).value?.id).toBe(two.revision);
  again.abort();
  await resumed.return(undefined);

  const last = await create("s/4");
  await api.state.connections
    .client("local")
    .write(
      KVDefinition,
      KVDefinition.methods.compact,
      CompactionRequest.fromPartial({ revision: Number(last.revision) }),
    );
  const late = new AbortController();
  const behind = sseMessages(
    await api.call(`watch?prefix=${url64("s/")}`, { headers, signal: late.signal }),
  );
  await behind.next();
  const reset = (await behind.next()).value;
  expect(reset?.event).toBe("reset");
  expect(ResetEvent.parse(reset?.data)).toEqual({
    from: String(BigInt(one.revision) + 1n),
    compactRevision: last.revision,
  });
  expect(reset?.id).toBe(last.revision);
  late.abort();
  await behind.return(undefined);
  const compacted = await api.call(`${valueOf("s/1")}&revision=${one.revision}`);
  expect(compacted.status).toBe(410);
});

test("a stream that goes on in another history than the browser names begins with a gap", async () => {
  const from = await create("h/1");
  const firstOf = async (history: object) => {
    const query = new URLSearchParams({ prefix: "", revision: from.revision, ...history });
    const stream = sseMessages(await api.call(`watch?${query.toString()}`));
    const messages = [(await stream.next()).value, (await stream.next()).value];
    await stream.return(undefined);
    return messages;
  };
  const [open] = await firstOf({});
  const { clusterId, raftTerm } = OpenEvent.parse(open?.data);
  const isOpen = { event: "open", data: { clusterId, raftTerm } };
  expect((await firstOf({ clusterId, raftTerm }))[0]).toMatchObject(isOpen);
  for (const other of [{ clusterId: "1" }, { clusterId, raftTerm: `${raftTerm}0` }]) {
    const isGap = { event: "reset", data: { from: from.revision } };
    expect(await firstOf(other)).toMatchObject([isGap, isOpen]);
  }
});

test("no more than a fixed number of streams stands open, and closed ones make room", async () => {
  const open: AbortController[] = [];
  const streams: Response[] = [];
  let refused: Response | undefined;
  while (refused === undefined && open.length < 200) {
    const control = new AbortController();
    const reply = await api.call("watch?prefix=", { signal: control.signal });
    if (reply.status === 429) refused = reply;
    else {
      open.push(control);
      streams.push(reply);
    }
  }
  expect(open.length).toBeLessThan(100);
  expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
  for (const stream of streams) await stream.body?.cancel();
  const control = new AbortController();
  const reply = await api.call("watch?prefix=", { signal: control.signal });
  expect(reply.status).toBe(200);
  await reply.body?.cancel();
});

test("a dead cluster is a named error within its deadline, and a stream ends with its session", async () => {
  const reply = await api.call("watch?prefix=");
  const stream = sseMessages(reply);
  await stream.next();
  await cluster.member(0).stop("SIGKILL");
  expect((await stream.next()).value).toMatchObject({ event: "link", data: { state: "lost" } });
  const dead = await api.call(valueOf("edit"));
  expect(dead.status).toBe(503);
  expect((await errorOf(dead)).code).toBe("unreachable");
  const overview = await api.call("overview");
  expect(overview.status).toBe(200);

  api.endSession();
  let last: { event: string; data: unknown } | undefined;
  for await (const message of stream) last = message;
  expect(last).toMatchObject({ event: "failure", data: { error: { code: "unauthenticated" } } });
  expect((await api.call("overview")).status).toBe(401);
});
