import { Duplex } from "node:stream";
import { expect, test, vi } from "vitest";
import { WatchResponse } from "../../server/proto/gen/rpc.ts";
import type { EtcdClient } from "./client.ts";
import { followWatch } from "./watch.ts";

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
  const client = { openStream, forgetToken, abandon: vi.fn() } as unknown as EtcdClient;
  return { client, openStream, forgetToken };
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
  expect((await watch.next()).value).toEqual({ type: "open", from: 8, revision: 7 });
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
    { answers: [created, { header: { revision: 12 } }] },
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
