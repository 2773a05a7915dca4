import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  KVDefinition,
  LeaseDefinition,
  LeaseLeasesRequest,
  WatchDefinition,
  WatchRequest,
  type WatchResponse,
} from "../../server/proto/gen/rpc.ts";
import { ClusterProcess, type Make } from "../harness/member-process.ts";
import { RpcClient, type RpcOutcome } from "../harness/rpc-client.ts";
import { normalForm } from "./normal-form.ts";
import { anyRequest, type Request } from "./request-history.ts";

// The same requests, one after the other, to our single member and to Debian's etcd: whole
// responses, error codes and texts, and watch streams must be equal.

const HISTORIES = 4;
const REQUESTS_PER_HISTORY = 1000;

interface Side {
  readonly cluster: ClusterProcess;
  readonly client: RpcClient;
}

async function open(make: Make): Promise<Side> {
  const cluster = await ClusterProcess.start({ make, size: 1 });
  return { cluster, client: new RpcClient(new URL(cluster.endpoints).host) };
}

function send(client: RpcClient, request: Request): Promise<RpcOutcome<unknown>> {
  const kv = KVDefinition.methods;
  const lease = LeaseDefinition.methods;
  switch (request.kind) {
    case "put":
      return client.unary(KVDefinition, kv.put, request.request);
    case "range":
      return client.unary(KVDefinition, kv.range, request.request);
    case "deleteRange":
      return client.unary(KVDefinition, kv.deleteRange, request.request);
    case "txn":
      return client.unary(KVDefinition, kv.txn, request.request);
    case "compact":
      return client.unary(KVDefinition, kv.compact, request.request);
    case "leaseGrant":
      return client.unary(LeaseDefinition, lease.leaseGrant, request.request);
    case "leaseRevoke":
      return client.unary(LeaseDefinition, lease.leaseRevoke, request.request);
    case "leaseTimeToLive":
      return client.unary(LeaseDefinition, lease.leaseTimeToLive, request.request);
    case "leaseLeases":
      return client.unary(LeaseDefinition, lease.leaseLeases, LeaseLeasesRequest.fromPartial({}));
  }
}

const WATCHES = [
  { key: Buffer.from([0]), rangeEnd: Buffer.from([0]), prevKv: true },
  { key: Buffer.from("a"), rangeEnd: Buffer.alloc(0), prevKv: false },
  { key: Buffer.from("a/"), rangeEnd: Buffer.from("a0"), prevKv: true, filters: [0 as const] },
  { key: Buffer.from("c"), rangeEnd: Buffer.from("e"), filters: [1 as const] },
];

/** Watches from now on; `finish` resolves with each watch's events once all were delivered. */
function watch(client: RpcClient) {
  const stream = client.stream(WatchDefinition, WatchDefinition.methods.watch);
  const events = WATCHES.map((): string[] => []);
  const failures: string[] = [];
  stream.on("error", (error: { details: string }) => failures.push(error.details));
  let isSynced: (() => void) | undefined;
  let created = 0;
  let onCreated: (() => void) | undefined;
  const isCreated = new Promise<void>((resolve) => {
    onCreated = resolve;
  });
  stream.on("data", (response: WatchResponse) => {
    if (response.created && ++created === WATCHES.length) onCreated?.();
    if (response.watchId === -1n) return isSynced?.();
    const seen = events[Number(response.watchId)];
    for (const event of response.events) {
      seen?.push(normalForm("watch", { response: { event, canceled: response.canceled } }));
    }
  });
  for (const createRequest of WATCHES) {
    stream.write(WatchRequest.fromPartial({ createRequest }));
  }
  const finish = async () => {
    await new Promise<void>((resolve) => {
      stream.write(WatchRequest.fromPartial({ progressRequest: {} }));
      const again = setInterval(
        () => stream.write(WatchRequest.fromPartial({ progressRequest: {} })),
        200,
      );
      isSynced = () => {
        clearInterval(again);
        resolve();
      };
    });
    expect(failures).toEqual([]);
    stream.cancel();
    return events;
  };
  return { isCreated, finish };
}

let ours: Side;
let theirs: Side;

beforeAll(async () => {
  [ours, theirs] = await Promise.all([open("quorate"), open("etcd-3.5")]);
});

afterAll(async () => {
  for (const side of [ours, theirs]) {
    side?.client.close();
    await side?.cluster.stop();
  }
});

test.each(Array.from({ length: HISTORIES }, (_, i) => 1000 + i))(
  "history %i: every response and every watched event equals etcd's",
  async (seed) => {
    const watches = [watch(ours.client), watch(theirs.client)] as const;
    await Promise.all(watches.map((each) => each.isCreated));
    const history = fc.sample(anyRequest, { seed, numRuns: REQUESTS_PER_HISTORY });
    for (const [at, request] of history.entries()) {
      const [mine, real] = await Promise.all([
        send(ours.client, request),
        send(theirs.client, request),
      ]);
      const label = `#${at} ${normalForm("request", { response: request })}`;
      expect(normalForm(request.kind, mine), label).toBe(normalForm(request.kind, real));
    }
    const [mine, real] = await Promise.all(watches.map((each) => each.finish()));
    expect(mine).toEqual(real);
  },
);
