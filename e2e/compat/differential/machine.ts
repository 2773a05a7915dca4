import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
  AuthDefinition,
  ClusterDefinition,
  CompactionRequest,
  DeleteRangeRequest,
  KVDefinition,
  LeaseDefinition,
  LeaseRevokeRequest,
  MaintenanceDefinition,
  MemberRemoveRequest,
  PutRequest,
  type ResponseHeader,
} from "../../../server/proto/gen/rpc.ts";
import { must } from "../../harness/cluster-client.ts";
import { ClusterProcess, type Make } from "../../harness/member-process.ts";
import { RpcClient } from "../../harness/rpc-client.ts";
import { type Difference, differencesOf } from "./difference.ts";
import { intendedDifference } from "./intended-differences.ts";
import type { Names } from "./normal-form.ts";
import { Meetings, Player, type Transcript } from "./player.ts";
import type { Step } from "./step.ts";

const OURS: Make = "quorate";
const FILLER = Buffer.from("filler");
const EVERYTHING = { key: Buffer.from([0]), rangeEnd: Buffer.from([0]) };
/** Histories are about answers; what a power cut would leave is not looked at here. */
const FLAGS: Readonly<Record<Make, readonly string[]>> = {
  quorate: ["--bcrypt-cost=4"],
  "etcd-3.4": ["--bcrypt-cost=4"],
  "etcd-3.5": ["--bcrypt-cost=4", "--unsafe-no-fsync"],
};

/** Our single member and real ones, to which the same histories are played. */
export class DifferentialMachine {
  readonly #makes: readonly Make[];
  #sides: Side[] = [];

  private constructor(makes: readonly Make[]) {
    this.#makes = makes;
  }

  /** @param others what ours is compared with */
  static async start(others: readonly Make[]): Promise<DifferentialMachine> {
    const machine = new DifferentialMachine([OURS, ...others]);
    await machine.#openSides();
    return machine;
  }

  /** Plays a history on empty stores; resolves with the first difference that nobody intended. */
  async play(steps: readonly Step[]): Promise<Difference | undefined> {
    const differences = await this.compare(steps);
    return differences.find((each) => intendedDifference(each) === undefined);
  }

  /** As `play`; resolves with all differences, intended ones too. */
  async compare(steps: readonly Step[]): Promise<Difference[]> {
    const startRevision = await this.#empty();
    const meetings = new Meetings();
    const [ours, ...theirs] = await Promise.all(
      this.#sides.map((side) => side.play(steps, { startRevision, meetings })),
    );
    if (ours === undefined) throw new Error("the first side is ours");
    return theirs.flatMap((transcript, at) => [
      ...differencesOf(this.#makes[at + 1] as Make, steps, ours, transcript),
    ]);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#sides.map((side) => side.close()));
  }

  /** Every side has no keys, leases, learners and alarms, and all stand at one revision. */
  async #empty(): Promise<number> {
    const emptied = await Promise.allSettled(this.#sides.map((side) => side.empty()));
    if (emptied.some(({ status }) => status === "rejected")) {
      // A history has ended a server: all begin anew.
      await this.stop();
      await this.#openSides();
    }
    const revisions = await Promise.all(this.#sides.map((side) => side.empty()));
    const target = Math.max(...revisions) + 2;
    await Promise.all(this.#sides.map((side) => side.fillUp(target)));
    return target;
  }

  async #openSides(): Promise<void> {
    this.#sides = await Promise.all(this.#makes.map((make) => Side.open(make)));
  }
}

class Side {
  readonly #make: Make;
  readonly #cluster: ClusterProcess;
  readonly #client: RpcClient;
  readonly #names: Names;
  readonly #selfId: bigint;

  private constructor(make: Make, cluster: ClusterProcess, client: RpcClient, id: bigint) {
    this.#make = make;
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
    const cluster = await ClusterProcess.start({ make, size: 1, flags: FLAGS[make] });
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
    const { meetings, startRevision } = at;
    const place = { make: this.#make, client: this.#client, names: this.#names };
    return new Player({ ...place, selfId: this.#selfId, startRevision, meetings }).play(steps);
  }

  /** Resolves with the revision. */
  async empty(): Promise<number> {
    const client = this.#client;
    const { alarm } = MaintenanceDefinition.methods;
    const { alarms } = must(
      await client.unary(MaintenanceDefinition, alarm, AlarmRequest.fromPartial({})),
    );
    for (const each of alarms) {
      const action = AlarmRequest_AlarmAction.DEACTIVATE;
      const request = AlarmRequest.fromPartial({ ...each, action });
      if (each.alarm !== AlarmType.NONE) {
        must(await client.unary(MaintenanceDefinition, alarm, request));
      }
    }
    await this.#removeLearners();
    await this.#revokeLeases();
    await this.#forgetUsers();
    const request = DeleteRangeRequest.fromPartial(EVERYTHING);
    const { deleteRange } = KVDefinition.methods;
    return revisionOf(must(await client.unary(KVDefinition, deleteRange, request)));
  }

  /** Writes until the store stands at the revision, and lets nothing before it be read. */
  async fillUp(target: number): Promise<void> {
    const client = this.#client;
    const { put, deleteRange, compact } = KVDefinition.methods;
    const filler = PutRequest.fromPartial({ key: FILLER });
    for (;;) {
      const revision = revisionOf(must(await client.unary(KVDefinition, put, filler)));
      if (revision < target - 1) continue;
      if (revision === target - 1) break;
      throw new Error(`revision ${revision} is beyond ${target}`);
    }
    const request = DeleteRangeRequest.fromPartial({ key: FILLER });
    must(await client.unary(KVDefinition, deleteRange, request));
    const compaction = CompactionRequest.fromPartial({ revision: target, physical: true });
    must(await client.unary(KVDefinition, compact, compaction));
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.#cluster.stop();
  }

  async #removeLearners(): Promise<void> {
    const { memberList, memberRemove } = ClusterDefinition.methods;
    const list = memberList.requestType.fromPartial({});
    const { members } = must(await this.#client.unary(ClusterDefinition, memberList, list));
    for (const { ID } of members.filter((member) => member.isLearner)) {
      const request = MemberRemoveRequest.fromPartial({ ID });
      must(await this.#client.unary(ClusterDefinition, memberRemove, request));
    }
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

function revisionOf(response: { header?: ResponseHeader | undefined }): number {
  return response.header?.revision ?? 0;
}
