import { afterAll, beforeAll, expect, test } from "vitest";
import { InternalRaftRequest } from "../../server/proto/gen/internal.ts";
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
  CompactionRequest,
  Compare_CompareTarget,
  DefragmentRequest,
  DeleteRangeRequest,
  KVDefinition,
  MaintenanceDefinition,
  PutRequest,
  RangeRequest,
  StatusRequest,
  TxnRequest,
} from "../../server/proto/gen/rpc.ts";
import { must } from "../harness/cluster-client.ts";
import { scrape } from "../harness/exposition.ts";
import { ClusterProcess } from "../harness/member-process.ts";
import { RpcClient, type RpcOutcome } from "../harness/rpc-client.ts";

// The limits that an operator sets, at their edges: what fits, and what is said of what does not.

const MAKES = ["quorate", "etcd-3.5"] as const;
const REQUEST_BYTES_MAX = 1000;
const DEFAULT_REQUEST_BYTES_MAX = 1.5 * 1024 * 1024;
/** What a message to the server may have beyond that. */
const OVERHEAD = 512 * 1024;
const FLAGS = [
  "--max-txn-ops=3",
  `--max-request-bytes=${REQUEST_BYTES_MAX}`,
  "--quota-backend-bytes=1048576",
];
/** More than what a log's entry has around a short key and its value. */
const SURROUNDING_MAX = 60;
/** More puts of a kilobyte than the quota can take. */
const PUTS_MAX = 3000;

const clusters: ClusterProcess[] = [];
const clients: RpcClient[] = [];

beforeAll(async () => {
  for (const make of MAKES) {
    const cluster = await ClusterProcess.start({ make, size: 1, flags: FLAGS });
    clusters.push(cluster);
    clients.push(new RpcClient(new URL(cluster.member(0).clientUrl).host));
  }
});
afterAll(async () => {
  for (const client of clients) client.close();
  for (const cluster of clusters) await cluster.stop();
});

const key = (text: string) => Buffer.from(text);

function put(client: RpcClient, name: string, bytes: number) {
  const request = PutRequest.fromPartial({ key: key(name), value: Buffer.alloc(bytes) });
  return client.unary(KVDefinition, KVDefinition.methods.put, request);
}

/** `ok`, or the status and text of the refusal. */
function said(outcome: RpcOutcome<unknown>): string {
  if ("response" in outcome) return "ok";
  return `${outcome.failure.status} ${outcome.failure.text}`;
}

/** What each make says to the same questions, one after the other. */
async function both(ask: (client: RpcClient) => Promise<unknown>): Promise<void> {
  const [ours, theirs] = await Promise.all(clients.map((client) => ask(client)));
  expect(ours).toEqual(theirs);
}

test("a transaction has at most so many operations, and so many compares", () =>
  both(async (client) => {
    const range = { requestRange: { key: key("a") } };
    const compare = { target: Compare_CompareTarget.VERSION, key: key("a"), version: 0n };
    const nested = { requestTxn: { success: [range, range, range] } };
    const answers: string[] = [];
    for (const request of [
      { success: [range, range, range] },
      { success: [range, range, range, range] },
      { failure: [range, range, range, range] },
      { compare: [compare, compare, compare, compare] },
      { success: [nested, nested] },
      { success: [{ requestTxn: { success: [range, range, range, range] } }] },
    ]) {
      const txn = TxnRequest.fromPartial(request);
      answers.push(said(await client.unary(KVDefinition, KVDefinition.methods.txn, txn)));
    }
    return answers;
  }));

/** Of what a put becomes in the log: its id begins with the last two bytes of the member's. */
function entryBytes(memberId: bigint, name: string, bytes: number): number {
  const put = { key: key(name), value: Buffer.alloc(bytes) };
  const header = { ID: (memberId & 0xffffn) << 48n };
  return InternalRaftRequest.encode(InternalRaftRequest.fromPartial({ header, put })).finish()
    .length;
}

function messageBytes(name: string, bytes: number): number {
  const put = PutRequest.fromPartial({ key: key(name), value: Buffer.alloc(bytes) });
  return PutRequest.encode(put).finish().length;
}

/** What is said of puts that have from `least` to `most` bytes more than the limit, by `measure`. */
async function saidAround(
  client: RpcClient,
  measure: (bytes: number) => number,
  limit: number,
  [least, most]: readonly [number, number],
): Promise<string[]> {
  // What surrounds a value is as long for one a little shorter, but not for one of the limit's length.
  const shorter = limit - SURROUNDING_MAX;
  const beside = limit - (measure(shorter) - shorter);
  const answers: string[] = [];
  for (let more = least; more <= most; more += 1) {
    expect(measure(beside + more)).toBe(limit + more);
    answers.push(`${more}: ${said(await put(client, "size", beside + more))}`);
  }
  return answers;
}

async function saidOfSizes(client: RpcClient, requestBytesMax: number, reach: number) {
  const { status } = MaintenanceDefinition.methods;
  const asked = await client.unary(MaintenanceDefinition, status, StatusRequest.fromPartial({}));
  const memberId = must(asked).header?.memberId ?? 0n;
  const inLog = (bytes: number) => entryBytes(memberId, "size", bytes);
  const inMessage = (bytes: number) => messageBytes("size", bytes);
  const atLog = await saidAround(client, inLog, requestBytesMax, [-reach, reach]);
  const atServer = await saidAround(client, inMessage, requestBytesMax + OVERHEAD, [-2, 2]);
  return { atLog, atServer };
}

test("a request is refused when it is too large for the log, and when it is for the server", () =>
  both(async (client) => {
    const { atLog, atServer } = await saidOfSizes(client, REQUEST_BYTES_MAX, 60);
    expect([atLog[60], atLog[61], atServer[2], atServer[3]]).toEqual([
      "0: ok",
      "1: 3 etcdserver: request is too large",
      "0: 3 etcdserver: request is too large",
      expect.stringMatching(/^1: 8 /),
    ]);
    return { atLog, atServer };
  }));

test("both limits are where they are by default, at a megabyte and a half", async () => {
  const answers = await Promise.all(
    MAKES.map(async (make) => {
      const cluster = await ClusterProcess.start({ make, size: 1 });
      const client = new RpcClient(new URL(cluster.member(0).clientUrl).host);
      try {
        return await saidOfSizes(client, DEFAULT_REQUEST_BYTES_MAX, 2);
      } finally {
        client.close();
        await cluster.stop();
      }
    }),
  );
  expect(answers[0]).toEqual(answers[1]);
  expect(answers[0]?.atLog.map((answer) => answer.endsWith("ok"))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});

test("a full member raises NOSPACE, refuses writes, and takes them again once it was cleaned", () =>
  both(async (client) => {
    let refusal = "ok";
    let count = 0;
    while (refusal === "ok" && count < PUTS_MAX) {
      refusal = said(await put(client, `fill/${count++}`, 900));
    }
    const list = { action: AlarmRequest_AlarmAction.GET, alarm: AlarmType.NONE };
    const alarm = (request: Parameters<typeof AlarmRequest.fromPartial>[0]) =>
      client.unary(
        MaintenanceDefinition,
        MaintenanceDefinition.methods.alarm,
        AlarmRequest.fromPartial(request),
      );
    const all = { key: key("fill/"), rangeEnd: key("fill0") };
    const { range, deleteRange, compact } = KVDefinition.methods;
    const raised = must(await alarm(list)).alarms;
    const found = await client.unary(KVDefinition, range, RangeRequest.fromPartial(all));
    const deletion = DeleteRangeRequest.fromPartial(all);
    const deleted = must(await client.unary(KVDefinition, deleteRange, deletion));
    const revision = deleted.header?.revision ?? 0;
    const compaction = CompactionRequest.fromPartial({ revision, physical: true });
    const compacted = await client.unary(KVDefinition, compact, compaction);
    const { defragment } = MaintenanceDefinition.methods;
    const defragmentation = DefragmentRequest.fromPartial({});
    const cleaned = await client.unary(MaintenanceDefinition, defragment, defragmentation);
    const still = said(await put(client, "a", 1));
    const [own] = raised;
    const disarmed = await alarm({ ...own, action: AlarmRequest_AlarmAction.DEACTIVATE });
    return {
      refusal,
      isFilled: count > 100,
      raised: raised.map((each) => each.alarm),
      read: said(found),
      compacted: said(compacted),
      cleaned: said(cleaned),
      still,
      disarmed: said(disarmed),
      again: said(await put(client, "a", 1)),
    };
  }));

test("a negative quota is none, and told as it was given", async () => {
  for (const make of MAKES) {
    const flags = ["--quota-backend-bytes=-7"];
    const cluster = await ClusterProcess.start({ make, size: 1, flags });
    const { clientUrl } = cluster.member(0);
    const client = new RpcClient(new URL(clientUrl).host);
    try {
      expect(said(await put(client, "a", 1))).toBe("ok");
      const name = "etcd_server_quota_backend_bytes";
      const figures = await scrape(clientUrl);
      expect(figures.get(name)?.values.get(`${name}{}`)).toBe(-7);
      const { status } = MaintenanceDefinition.methods;
      const { dbSizeQuota } = must(await client.unary(MaintenanceDefinition, status, {}));
      // 3.5 does not tell it here.
      expect(dbSizeQuota).toBe(make === "quorate" ? -7 : 0);
    } finally {
      client.close();
      await cluster.stop();
    }
  }
});
