import { afterAll, beforeAll, expect, test } from "vitest";
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
  TxnRequest,
} from "../../server/proto/gen/rpc.ts";
import { must } from "../harness/cluster-client.ts";
import { scrape } from "../harness/exposition.ts";
import { ClusterProcess } from "../harness/member-process.ts";
import { RpcClient, type RpcOutcome } from "../harness/rpc-client.ts";

// The limits that an operator sets, at their edges: what fits, and what is said of what does not.

const MAKES = ["quorate", "etcd-3.5"] as const;
const FLAGS = ["--max-txn-ops=3", "--max-request-bytes=1000", "--quota-backend-bytes=1048576"];
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

test("a request is refused when it is too large for the log, and when it is for the server", () =>
  both(async (client) => {
    const answers: string[] = [];
    for (const bytes of [900, 960, 1000, 5000, 500_000, 524_300, 600_000]) {
      answers.push(said(await put(client, "size", bytes)));
    }
    return answers;
  }));

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
