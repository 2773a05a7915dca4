import { tmpdir } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
  AuthDefinition,
  AuthRoleGrantPermissionRequest,
  ClusterDefinition,
  CompactionRequest,
  DeleteRangeRequest,
  KVDefinition,
  LeaseDefinition,
  LeaseRevokeRequest,
  MaintenanceDefinition,
  MemberRemoveRequest,
  MemberUpdateRequest,
  PutRequest,
  type ResponseHeader,
} from "../../../server/proto/gen/rpc.ts";
import { must } from "../../harness/cluster-client.ts";
import { ClusterProcess, type Make } from "../../harness/member-process.ts";
import { memoryFolder } from "../../harness/memory-folder.ts";
import { RpcClient } from "../../harness/rpc-client.ts";
import { PASSWORDS, ROOT } from "./auth-steps.ts";
import type { Names } from "./normal-form.ts";
import { type Meetings, Player, type Transcript } from "./player.ts";
import { SecondGate } from "./second-gate.ts";
import type { Step } from "./step.ts";

/** Few watches see it: the store begins with the deletion of this key. */
const FILLER = "\0\0";
/**
 * Compacted twice, so many revisions apart: a compaction's hash, which can be asked for afterwards,
 * is of all that came since the one before. More than histories ask for before their start.
 */
const LAST_REVISIONS = 4;
/** What a store is filled up with at least. */
export const REVISIONS_MIN = LAST_REVISIONS + 2;
const EVERYTHING = { key: Buffer.from([0]), rangeEnd: Buffer.from([0]) };
/**
 * Histories are about answers; what a power cut would leave is not looked at here. Etcd looks users
 * up in what it has not committed yet, and misses some: so it commits at once.
 */
const FLAGS: Readonly<Record<Make, readonly string[]>> = {
  quorate: ["--unsafe-no-fsync"],
  "etcd-3.4": ["--backend-batch-limit=1"],
  "etcd-3.5": ["--backend-batch-limit=1", "--unsafe-no-fsync"],
};
/** With it no lease is shorter than 15 s, and none ends by itself in the middle of a history. */
const ALL_FLAGS = ["--bcrypt-cost=4", "--election-timeout=10000"];
const SLOW_WATCHERS = /^etcd_debugging_mvcc_slow_watcher_total (.*)$/m;
const CATCH_UP_LIMIT_MS = 10_000;
const CATCH_UP_PAUSE_MS = 20;

/** Where a store stands. */
export interface Standing {
  readonly revision: number;
  /** Of users and roles; 0 where it is not told. */
  readonly authRevision: number;
}

/** One server, to which one history after the other is played. */
export class Side {
  readonly make: Make;
  readonly #cluster: ClusterProcess;
  readonly #client: RpcClient;
  readonly #names: Names;
  readonly #selfId: bigint;
  readonly #additions = new SecondGate();

  private constructor(make: Make, cluster: ClusterProcess, client: RpcClient, id: bigint) {
    this.make = make;
    this.#cluster = cluster;
    this.#client = client;
    this.#selfId = id;
    const member = cluster.member(0);
    const texts = new Map([
      [member.clientUrl, "@client"],
      [member.peerUrl, "@peer"],
      [id.toString(16), "@self"],
      [String(id), "@self"],
    ]);
    this.#names = { ids: new Map([[id, "@self"]]), texts };
  }

  static async open(make: Make): Promise<Side> {
    const options = { make, size: 1, flags: [...ALL_FLAGS, ...FLAGS[make]] };
    // Only etcd 3.4 cannot be told not to sync.
    const parent = make === "etcd-3.4" ? memoryFolder() : tmpdir();
    const cluster = await ClusterProcess.start({ ...options, parent });
    const client = new RpcClient(new URL(cluster.endpoints).host);
    const { header } = must(
      await client.unary(
        MaintenanceDefinition,
        MaintenanceDefinition.methods.status,
        MaintenanceDefinition.methods.status.requestType.fromPartial({}),
      ),
    );
    const side = new Side(make, cluster, client, header?.memberId ?? 0n);
    (side.#names.ids as Map<bigint, string>).set(header?.clusterId ?? 0n, "@cluster");
    return side;
  }

  play(
    steps: readonly Step[],
    at: { startRevision: number; meetings: Meetings },
  ): Promise<Transcript> {
    const [client, additions] = [this.#client, this.#additions];
    const caughtUp = () => this.#caughtUp();
    const place = { make: this.make, client, names: this.#names, additions, caughtUp };
    return new Player({ ...place, ...at, selfId: this.#selfId }).play(steps);
  }

  /** It has no keys, leases, learners, alarms, users and roles, and asks nobody who he is. */
  async empty(): Promise<Standing> {
    await this.#disableAuth();
    await this.#disarm();
    await this.#removeOthers();
    await this.#revokeLeases();
    await this.#forgetUsers();
    const client = this.#client;
    const request = DeleteRangeRequest.fromPartial(EVERYTHING);
    const { deleteRange } = KVDefinition.methods;
    const revision = revisionOf(must(await client.unary(KVDefinition, deleteRange, request)));
    // Etcd 3.4 does not tell.
    if (this.make === "etcd-3.4") return { revision, authRevision: 0 };
    const { authStatus } = AuthDefinition.methods;
    const { authRevision } = must(await client.unary(AuthDefinition, authStatus, {}));
    return { revision, authRevision: Number(authRevision) };
  }

  /** Writes until the store stands at the revision, and lets nothing before it be read. */
  async fillUp(from: Standing, to: Standing): Promise<void> {
    if (from.authRevision > 0) await this.#changeRoles(to.authRevision - from.authRevision);
    const last = to.revision - LAST_REVISIONS;
    // The filler ends there too: how long it lasted is not the same where stores stood apart.
    await this.#fill(last - from.revision);
    await this.#compact(last);
    const revision = await this.#fill(LAST_REVISIONS);
    if (revision !== to.revision) throw new Error(`${this.make} stands at revision ${revision}`);
    await this.#compact(revision);
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.#cluster.stop();
  }

  /** At once where nobody is there any more: the answers say so. */
  async #caughtUp(): Promise<void> {
    const deadline = performance.now() + CATCH_UP_LIMIT_MS;
    const member = this.#cluster.member(0);
    while (member.isRunning) {
      const metrics = await textOf(`${member.clientUrl}/metrics`);
      const [, slow] = SLOW_WATCHERS.exec(metrics) ?? [];
      if (slow === "0") return;
      if (performance.now() > deadline) throw new Error(`${this.make}: ${slow} watchers lag`);
      await delay(CATCH_UP_PAUSE_MS);
    }
  }

  /** Writes the filler, and takes it back at the end; resolves with the revision of that. */
  async #fill(count: number): Promise<number> {
    const key = Buffer.from(FILLER);
    const filler = PutRequest.fromPartial({ key });
    for (let i = 0; i < count - 1; i++) {
      must(await this.#client.unary(KVDefinition, KVDefinition.methods.put, filler));
    }
    const request = DeleteRangeRequest.fromPartial({ key });
    const { deleteRange } = KVDefinition.methods;
    return revisionOf(must(await this.#client.unary(KVDefinition, deleteRange, request)));
  }

  async #compact(revision: number): Promise<void> {
    const request = CompactionRequest.fromPartial({ revision, physical: true });
    must(await this.#client.unary(KVDefinition, KVDefinition.methods.compact, request));
  }

  /** @param count 0, or 2 and more */
  async #changeRoles(count: number): Promise<void> {
    if (count === 0) return;
    const { roleAdd, roleDelete, roleGrantPermission } = AuthDefinition.methods;
    must(await this.#client.unary(AuthDefinition, roleAdd, { name: FILLER }));
    const perm = { key: Buffer.from(FILLER) };
    const request = AuthRoleGrantPermissionRequest.fromPartial({ name: FILLER, perm });
    for (let i = 2; i < count; i++) {
      must(await this.#client.unary(AuthDefinition, roleGrantPermission, request));
    }
    must(await this.#client.unary(AuthDefinition, roleDelete, { role: FILLER }));
  }

  /** Rejects when nobody can do it any more. */
  async #disableAuth(): Promise<void> {
    const { authDisable, authenticate } = AuthDefinition.methods;
    const client = this.#client;
    const disabled = await client.unary(AuthDefinition, authDisable, {});
    if ("response" in disabled) return;
    for (const password of PASSWORDS) {
      const request = { name: ROOT, password };
      const given = await client.unary(AuthDefinition, authenticate, request);
      if ("failure" in given) continue;
      const { token } = given.response;
      must(await client.unary(AuthDefinition, authDisable, {}, undefined, token));
      return;
    }
    throw new Error(`${this.make}: ${disabled.failure.text}`);
  }

  async #disarm(): Promise<void> {
    const { alarm } = MaintenanceDefinition.methods;
    const question = AlarmRequest.fromPartial({});
    const { alarms } = must(await this.#client.unary(MaintenanceDefinition, alarm, question));
    for (const each of alarms) {
      const action = AlarmRequest_AlarmAction.DEACTIVATE;
      const request = AlarmRequest.fromPartial({ ...each, action });
      if (each.alarm !== AlarmType.NONE) {
        must(await this.#client.unary(MaintenanceDefinition, alarm, request));
      }
    }
  }

  /** Of the cluster nothing is left but itself, at its own address. */
  async #removeOthers(): Promise<void> {
    const { memberList, memberRemove, memberUpdate } = ClusterDefinition.methods;
    const list = memberList.requestType.fromPartial({});
    const { members } = must(await this.#client.unary(ClusterDefinition, memberList, list));
    for (const { ID } of members.filter((member) => member.ID !== this.#selfId)) {
      const request = MemberRemoveRequest.fromPartial({ ID });
      must(await this.#client.unary(ClusterDefinition, memberRemove, request));
    }
    const peerURLs = [this.#cluster.member(0).peerUrl];
    const own = MemberUpdateRequest.fromPartial({ ID: this.#selfId, peerURLs });
    must(await this.#client.unary(ClusterDefinition, memberUpdate, own));
  }

  async #forgetUsers(): Promise<void> {
    const { userList, userDelete, roleList, roleDelete } = AuthDefinition.methods;
    const none = {};
    const { users } = must(await this.#client.unary(AuthDefinition, userList, none));
    for (const name of users) {
      must(await this.#client.unary(AuthDefinition, userDelete, { name }));
    }
    const { roles } = must(await this.#client.unary(AuthDefinition, roleList, none));
    for (const role of roles) {
      must(await this.#client.unary(AuthDefinition, roleDelete, { role }));
    }
  }

  async #revokeLeases(): Promise<void> {
    const { leaseLeases, leaseRevoke } = LeaseDefinition.methods;
    const list = leaseLeases.requestType.fromPartial({});
    const { leases } = must(await this.#client.unary(LeaseDefinition, leaseLeases, list));
    for (const { ID } of leases) {
      const request = LeaseRevokeRequest.fromPartial({ ID });
      must(await this.#client.unary(LeaseDefinition, leaseRevoke, request));
    }
  }
}

/** Nothing from a server that just ends. */
async function textOf(url: string): Promise<string> {
  return fetch(url).then(
    (answer) => answer.text(),
    () => "",
  );
}

function revisionOf(response: { header?: ResponseHeader | undefined }): number {
  return response.header?.revision ?? 0;
}
