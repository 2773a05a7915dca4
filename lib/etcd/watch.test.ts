import { Duplex } from "node:stream";
import { expect, test, vi } from "vitest";
import { type WatchRequest, WatchResponse } from "../../server/proto/gen/rpc.ts";
import type { EtcdClient } from "./client.ts";
import { ClusterError } from "./cluster-error.ts";
import { followWatch, type WatchMessage } from "./watch.ts";

const target = { key: Buffer.from("k"), rangeEnd: Buffer.alloc(0) };
const created = { header: { revision: 7 }, created: true };
const denied = (cancelReason: string) => ({ ...created, canceled: true, cancelReason });

/** Every stream gives its answers and then stays open, or ends when `ends` says so. */
function clusterOf(...streams: { answers: object[]; ends?: boolean }[]) {
  const forgetToken = vi.fn();
  const openStream = vi.fn(async () => {
    const { answers, ends } = streams.shift() ?? { answers: [] };
    const stream = new Duplex({ objectMode: true, read() {}, write: (_, __, done) => done() });
    for (const answer of answers) stream.push(WatchResponse.fromPartial(answer));
    if (ends === true) stream.push(null);
    return { url: "http://10.0.0.1:2379", stream: Object.assign(stream, { cancel: vi.fn() }) };
  });
  const read = vi.fn(async () => ({ header: { revision: 0, raftTerm: 0 } }));
  const client = { openStream, forgetToken, abandon: vi.fn(), read } as unknown as EtcdClient;
  /** What a linearizable read says, one after the other. */
  const standsAt = (...revisions: number[]) => {
    for (const revision of revisions) confirms(0, revision);
  };
  const confirms = (raftTerm: number, revision: number) =>
    read.mockResolvedValueOnce({ header: { revision, raftTerm } });
  return { client, openStream, forgetToken, read, standsAt, confirms };
}

const createdAt = (revision: number) => ({ header: { revision }, created: true });

async function messages(source: AsyncGenerator<WatchMessage>, count: number) {
  const found: WatchMessage[] = [];
  while (found.length < count) {
    const { value } = await source.next();
    if (value !== undefined) found.push(value);
  }
  await source.return(undefined);
  return found;
}

const PERMISSION = "etcdserver: permission denied";
const OLD_REVISION = "etcdserver: revision of auth store is old";
const EXPIRED = { ...denied("etcdserver: invalid auth token"), created: false };

test.each([
  [PERMISSION],
  [OLD_REVISION],
  ["etcdserver: user name is empty"],
  ["etcdserver: invalid auth token"],
  [`rpc error: code = PermissionDenied desc = ${PERMISSION}`],
  [`rpc error: code = InvalidArgument desc = ${OLD_REVISION}`],
  ["rpc error: code = InvalidArgument desc = etcdserver: user name is empty"],
])("a watch refused with %j is asked for again with another token", async (reason) => {
  const { client, forgetToken } = clusterOf({ answers: [denied(reason)] }, { answers: [created] });
  const watch = followWatch(client, target, new AbortController().signal);
  expect((await watch.next()).value).toMatchObject({ type: "open", from: 8, revision: 7 });
  expect(forgetToken).toHaveBeenCalledTimes(1);
  await watch.return(undefined);
});

test("a real denial ends the watch after one more try", async () => {
  const { client, openStream, forgetToken } = clusterOf(
    { answers: [denied(PERMISSION)] },
    { answers: [denied(PERMISSION)] },
  );
  const watch = followWatch(client, target, new AbortController().signal);
  await expect(watch.next()).rejects.toMatchObject({
    code: "etcd-permission-denied",
    message: PERMISSION,
  });
  expect(openStream).toHaveBeenCalledTimes(2);
  expect(forgetToken).toHaveBeenCalledTimes(1);
});

test("a watch that has told something since survives the next expired token too", async () => {
  const progress = { header: { revision: 9 } };
  const { client, forgetToken } = clusterOf(
    { answers: [created, EXPIRED] },
    { answers: [created, progress, EXPIRED] },
    { answers: [createdAt(9), { header: { revision: 12 } }] },
  );
  const watch = followWatch(client, target, new AbortController().signal);
  expect((await watch.next()).value).toMatchObject({ type: "open" });
  expect((await watch.next()).value).toEqual({ type: "progress", revision: 9 });
  expect((await watch.next()).value).toEqual({ type: "progress", revision: 12 });
  expect(forgetToken).toHaveBeenCalledTimes(2);
  await watch.return(undefined);
});

test("a watch that is cut off each time it stands does not fetch tokens without end", async () => {
  const { client, forgetToken } = clusterOf(
    { answers: [created, EXPIRED] },
    { answers: [created, EXPIRED] },
  );
  const watch = followWatch(client, target, new AbortController().signal);
  expect((await watch.next()).value).toMatchObject({ type: "open" });
  await expect(watch.next()).rejects.toMatchObject({ code: "etcd-unauthenticated" });
  expect(forgetToken).toHaveBeenCalledTimes(1);
});

test("a resuming watch fetches a token for every try while roles go on changing", async () => {
  const { client, forgetToken } = clusterOf(
    { answers: [created], ends: true },
    { answers: [denied(OLD_REVISION)] },
    { answers: [denied(OLD_REVISION)] },
    { answers: [denied(OLD_REVISION)] },
    { answers: [created] },
  );
  const watch = followWatch(client, target, new AbortController().signal);
  const types = [];
  for (let at = 0; at < 4; at++) types.push((await watch.next()).value?.type);
  expect(types).toEqual(["open", "lost", "lost", "restored"]);
  expect(forgetToken).toHaveBeenCalledTimes(2);
  await watch.return(undefined);
});

test("a watch of a cluster that has gone back says so and begins anew behind what it has", async () => {
  const { client, standsAt, openStream } = clusterOf(
    { answers: [createdAt(5_000)], ends: true },
    { answers: [createdAt(100)] },
    { answers: [createdAt(100), { header: { revision: 120 } }] },
  );
  standsAt(100);
  const watch = followWatch(client, target, new AbortController().signal);
  expect(await messages(watch, 5)).toMatchObject([
    { type: "open", from: 5_001, revision: 5_000 },
    { type: "lost" },
    { type: "open", from: 101, revision: 100 },
    { type: "restored", revision: 100 },
    { type: "progress", revision: 120 },
  ]);
  expect(openStream).toHaveBeenCalledTimes(3);
});

const createdIn = (clusterId: bigint, revision: number) => ({
  header: { clusterId, revision },
  created: true,
});

test.each([
  [6_000, 5_001],
  [5_000, 5_000],
])(
  "a cluster restored to revision %i, no less than was told, is known by its id",
  async (at, from) => {
    const { client, openStream } = clusterOf(
      { answers: [createdIn(8n, 5_000)], ends: true },
      { answers: [createdIn(9n, at)] },
      { answers: [createdIn(9n, at), { header: { revision: at + 1 } }] },
    );
    const watch = followWatch(client, target, new AbortController().signal);
    expect(await messages(watch, 6)).toMatchObject([
      { type: "open", from: 5_001, revision: 5_000, history: { clusterId: 8n } },
      { type: "lost" },
      { type: "gap", from, compactRevision: at },
      { type: "open", from: at + 1, revision: at, history: { clusterId: 9n } },
      { type: "restored", revision: at },
      { type: "progress", revision: at + 1 },
    ]);
    expect(openStream).toHaveBeenCalledTimes(3);
  },
);

test("a cluster that is the same, or does not tell its id, leaves no gap", async () => {
  const { client } = clusterOf(
    { answers: [createdIn(8n, 5_000)], ends: true },
    { answers: [createdIn(0n, 6_000)], ends: true },
    { answers: [createdIn(8n, 6_000)] },
  );
  const watch = followWatch(client, target, new AbortController().signal);
  const types = (await messages(watch, 5)).map(({ type }) => type);
  expect(types).toEqual(["open", "lost", "restored", "lost", "restored"]);
});

const createdInTerm = (raftTerm: number, revision: number) => ({
  header: { clusterId: 8n, revision, raftTerm },
  created: true,
});
/** What a reader was told up to revision 120. */
const resumed = {
  ...target,
  startRevision: 121,
  seenHistory: { clusterId: 8n, raftTerm: 5 },
};

test("a reader that comes back to another cluster gets a gap before it goes on", async () => {
  const { client, read } = clusterOf(
    { answers: [createdIn(9n, 200)] },
    { answers: [createdIn(9n, 200), { header: { revision: 201 } }] },
  );
  const watch = followWatch(client, resumed, new AbortController().signal);
  expect(await messages(watch, 3)).toEqual([
    { type: "gap", from: 121, compactRevision: 200 },
    { type: "open", from: 201, revision: 200, history: { clusterId: 9n, raftTerm: 0 } },
    { type: "progress", revision: 201 },
  ]);
  expect(read).not.toHaveBeenCalled();
});

test("a reader that comes back to a cluster behind what it has seen is told once", async () => {
  const { client, standsAt } = clusterOf(
    { answers: [createdIn(9n, 100)] },
    { answers: [createdIn(9n, 100), { header: { revision: 101 } }] },
  );
  standsAt(100);
  const watch = followWatch(client, resumed, new AbortController().signal);
  expect(await messages(watch, 2)).toMatchObject([
    { type: "open", from: 101, revision: 100 },
    { type: "progress", revision: 101 },
  ]);
});

test("a cluster of the same id that stands in an earlier term was restored", async () => {
  const { client, confirms } = clusterOf(
    { answers: [createdInTerm(2, 200)] },
    { answers: [createdInTerm(2, 200), { header: { revision: 201 } }], ends: true },
    { answers: [createdInTerm(3, 201)] },
  );
  confirms(2, 200);
  const watch = followWatch(client, resumed, new AbortController().signal);
  expect(await messages(watch, 5)).toMatchObject([
    { type: "gap", from: 121, compactRevision: 200 },
    { type: "open", from: 201, revision: 200, history: { clusterId: 8n, raftTerm: 2 } },
    { type: "progress", revision: 201 },
    { type: "lost" },
    { type: "restored", revision: 201 },
  ]);
});

test.each([5, 7, 0])(
  "a member that lags behind a cluster in term %i is not taken for a restore",
  async (raftTerm) => {
    const { client, confirms, read } = clusterOf({ answers: [createdInTerm(3, 120)] });
    confirms(raftTerm, 130);
    const watch = followWatch(client, resumed, new AbortController().signal);
    const history = { clusterId: 8n, raftTerm: Math.max(raftTerm, 5) };
    expect(await messages(watch, 1)).toEqual([{ type: "open", from: 121, revision: 130, history }]);
    expect(read).toHaveBeenCalledTimes(1);
  },
);

test("without a majority to ask of which term it is, a watch that has begun stays lost", async () => {
  const { client, read, confirms } = clusterOf(
    { answers: [createdInTerm(5, 120)], ends: true },
    { answers: [createdInTerm(2, 200)] },
    { answers: [createdInTerm(2, 200)] },
  );
  read.mockRejectedValueOnce(new ClusterError("no-leader", "etcdserver: no leader"));
  confirms(2, 200);
  const watch = followWatch(client, target, new AbortController().signal);
  const types = (await messages(watch, 5)).map(({ type }) => type);
  expect(types).toEqual(["open", "lost", "lost", "gap", "open"]);
});

test("a watch that waits ahead of two clusters, one after the other, has missed nothing", async () => {
  const { client, standsAt } = clusterOf(
    { answers: [createdIn(8n, 7)], ends: true },
    { answers: [createdIn(9n, 8)] },
  );
  standsAt(7, 8);
  const ahead = { ...target, startRevision: 5_001 };
  const watch = followWatch(client, ahead, new AbortController().signal);
  const types = (await messages(watch, 3)).map(({ type }) => type);
  expect(types).toEqual(["open", "lost", "restored"]);
});

test("a member that lags behind the cluster is not taken for a restore", async () => {
  const { client, standsAt, openStream } = clusterOf(
    { answers: [createdAt(5_000)], ends: true },
    { answers: [createdAt(100)] },
  );
  standsAt(5_000);
  const watch = followWatch(client, target, new AbortController().signal);
  expect(await messages(watch, 3)).toMatchObject([
    { type: "open" },
    { type: "lost" },
    { type: "restored", revision: 5_000 },
  ]);
  expect(openStream).toHaveBeenCalledTimes(2);
});

test("a watch that waits ahead of the cluster takes no revision for a restore", async () => {
  const { client, standsAt } = clusterOf(
    { answers: [createdAt(7)], ends: true },
    { answers: [createdAt(7)] },
  );
  standsAt(7, 7);
  const ahead = { ...target, startRevision: 5_001 };
  const watch = followWatch(client, ahead, new AbortController().signal);
  expect(await messages(watch, 3)).toMatchObject([
    { type: "open", from: 5_001, revision: 7 },
    { type: "lost" },
    { type: "restored", revision: 7 },
  ]);
});

test("a watch that begins ahead of one member tells the revision of the cluster", async () => {
  const { client, standsAt } = clusterOf({ answers: [createdAt(100)] });
  standsAt(5_000);
  const watch = followWatch(
    client,
    { ...target, startRevision: 5_001 },
    new AbortController().signal,
  );
  expect(await messages(watch, 1)).toMatchObject([{ type: "open", from: 5_001, revision: 5_000 }]);
});

test("without a majority to ask whether the cluster has gone back, the watch stays lost", async () => {
  const { client, standsAt, read } = clusterOf(
    { answers: [createdAt(5_000)], ends: true },
    { answers: [createdAt(100)] },
    { answers: [createdAt(100)] },
  );
  read.mockRejectedValueOnce(new ClusterError("no-leader", "etcdserver: no leader"));
  standsAt(5_000);
  const watch = followWatch(client, target, new AbortController().signal);
  const types = (await messages(watch, 4)).map(({ type }) => type);
  expect(types).toEqual(["open", "lost", "lost", "restored"]);
});

test("a watch that is behind is asked often whether it has caught up", async () => {
  vi.useFakeTimers();
  const written: WatchRequest[] = [];
  const { client, read } = clusterOf({ answers: [createdAt(50)] });
  Object.assign(client, { ask: vi.fn(async () => ({ version: "3.5.30", errors: [] })) });
  const open = client.openStream.bind(client);
  client.openStream = async (...of) => {
    const opened = await open(...of);
    opened.stream.write = (request: unknown) => written.push(request as WatchRequest) > 0;
    return opened;
  };
  const watch = followWatch(client, { ...target, startRevision: 5 }, new AbortController().signal);
  expect((await watch.next()).value).toMatchObject({ type: "open", from: 5, revision: 50 });
  await vi.advanceTimersByTimeAsync(2_000);
  expect(written.filter(({ progressRequest }) => progressRequest !== undefined)).toHaveLength(2);
  expect(read).not.toHaveBeenCalled();
  vi.useRealTimers();
  await watch.return(undefined);
});
