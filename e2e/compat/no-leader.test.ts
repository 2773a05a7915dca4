// A member that has lost its quorum: what cannot be decided is refused with the same status and
// the same words by ours and by Debian's etcd.
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LockDefinition, LockRequest } from "../../server/proto/gen/lock.ts";
import {
  AlarmRequest,
  AuthDefinition,
  AuthStatusRequest,
  AuthUserListRequest,
  CompactionRequest,
  DeleteRangeRequest,
  KVDefinition,
  LeaseDefinition,
  LeaseGrantRequest,
  LeaseRevokeRequest,
  LeaseTimeToLiveRequest,
  MaintenanceDefinition,
  PutRequest,
  RangeRequest,
  StatusRequest,
  TxnRequest,
} from "../../server/proto/gen/rpc.ts";
import { must } from "../harness/cluster-client.ts";
import { ClusterProcess, type Make } from "../harness/member-process.ts";
import { RpcClient, type RpcOutcome } from "../harness/rpc-client.ts";
import { normalForm } from "./normal-form.ts";

const MAKES: readonly Make[] = ["etcd-3.5", "quorate"];
const key = Buffer.from("key");
const NOTICED_LIMIT_MS = 20_000;

let clusters: readonly ClusterProcess[];
let clients: readonly RpcClient[] = [];

beforeAll(async () => {
  clusters = await Promise.all(MAKES.map((make) => ClusterProcess.start({ make, size: 2 })));
  clients = clusters.map((cluster) => new RpcClient(new URL(cluster.member(0).clientUrl).host));
  for (const client of clients) {
    const { put } = KVDefinition.methods;
    must(await client.unary(KVDefinition, put, PutRequest.fromPartial({ key })));
  }
  await Promise.all(clusters.map((cluster) => cluster.member(1).stop("SIGKILL")));
  await Promise.all(clients.map(noticed));
});
afterAll(async () => {
  for (const client of clients) client.close();
  await Promise.all(clusters.map((cluster) => cluster.stop()));
});

/** Resolves when a member says that there is no leader. */
async function noticed(client: RpcClient): Promise<void> {
  const { status } = MaintenanceDefinition.methods;
  const deadline = performance.now() + NOTICED_LIMIT_MS;
  for (;;) {
    const request = StatusRequest.fromPartial({});
    const { errors } = must(await client.unary(MaintenanceDefinition, status, request));
    if (errors.includes("etcdserver: no leader")) return;
    if (performance.now() > deadline) throw new Error("the member still sees a leader");
    await delay(50);
  }
}

const { put, range, deleteRange, txn, compact } = KVDefinition.methods;
const { leaseGrant, leaseRevoke, leaseTimeToLive } = LeaseDefinition.methods;
const { authStatus, userList } = AuthDefinition.methods;
const readOnly = { success: [{ requestRange: { key } }] };
const writing = { success: [{ requestPut: { key } }] };

type Ask = (client: RpcClient) => Promise<RpcOutcome<unknown>>;

test.concurrent.each<readonly [name: string, ask: Ask]>([
  ["Put", (to) => to.unary(KVDefinition, put, PutRequest.fromPartial({ key }))],
  [
    "DeleteRange",
    (to) => to.unary(KVDefinition, deleteRange, DeleteRangeRequest.fromPartial({ key })),
  ],
  ["Txn that writes", (to) => to.unary(KVDefinition, txn, TxnRequest.fromPartial(writing))],
  ["Txn that reads", (to) => to.unary(KVDefinition, txn, TxnRequest.fromPartial(readOnly))],
  [
    "Compact",
    (to) => to.unary(KVDefinition, compact, CompactionRequest.fromPartial({ revision: 2 })),
  ],
  ["Range", (to) => to.unary(KVDefinition, range, RangeRequest.fromPartial({ key }))],
  [
    "Range of what is here",
    (to) => to.unary(KVDefinition, range, RangeRequest.fromPartial({ key, serializable: true })),
  ],
  [
    "LeaseGrant",
    (to) => to.unary(LeaseDefinition, leaseGrant, LeaseGrantRequest.fromPartial({ TTL: 9 })),
  ],
  [
    "LeaseRevoke",
    (to) => to.unary(LeaseDefinition, leaseRevoke, LeaseRevokeRequest.fromPartial({ ID: 9n })),
  ],
  [
    "LeaseTimeToLive",
    (to) =>
      to.unary(LeaseDefinition, leaseTimeToLive, LeaseTimeToLiveRequest.fromPartial({ ID: 9n })),
  ],
  [
    "Alarm",
    (to) =>
      to.unary(
        MaintenanceDefinition,
        MaintenanceDefinition.methods.alarm,
        AlarmRequest.fromPartial({}),
      ),
  ],
  ["AuthStatus", (to) => to.unary(AuthDefinition, authStatus, AuthStatusRequest.fromPartial({}))],
  ["UserList", (to) => to.unary(AuthDefinition, userList, AuthUserListRequest.fromPartial({}))],
  [
    "Lock",
    (to) =>
      to.unary(
        LockDefinition,
        LockDefinition.methods.lock,
        LockRequest.fromPartial({ name: key, lease: 9n }),
      ),
  ],
])("%s", async (name, ask) => {
  const [etcds, ours] = await Promise.all(clients.map(ask));
  expect(normalForm(name, ours as RpcOutcome<unknown>)).toBe(
    normalForm(name, etcds as RpcOutcome<unknown>),
  );
});
