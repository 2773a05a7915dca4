import { join } from "node:path";
import {
  AlarmRequest_AlarmAction,
  AlarmType,
  ClusterDefinition,
  LeaseDefinition,
  MaintenanceDefinition,
} from "../../server/proto/gen/rpc.ts";
import { MemberClient } from "../harness/member-client.ts";
import { CALM, ClusterProcess, type Make, MemberProcess } from "../harness/member-process.ts";
import { freePorts } from "../harness/ports.ts";

const { memberList } = ClusterDefinition.methods;
const { leaseLeases, leaseRevoke } = LeaseDefinition.methods;
const { alarm, status } = MaintenanceDefinition.methods;

/** Etcd refuses to add to a cluster whose newest member has been there for less than five seconds. */
const ADDS_AT_ONCE = "--strict-reconfig-check=false";
const FLAGS = [...CALM, "--bcrypt-cost=4", ADDS_AT_ONCE];
/** Etcd looks users up in what it has committed: else it now and then misses one. */
const COMMITS_AT_ONCE = "--backend-batch-limit=1";
const SECOND = "second";

/** A member whose answers are compared with another's, and one more that comes and goes. */
export class Side {
  readonly cluster: ClusterProcess;
  readonly #make: Make;
  readonly #client: MemberClient;
  readonly #ports: readonly number[];
  #second: MemberProcess | undefined;
  #folders = 0;

  private constructor(make: Make, cluster: ClusterProcess, ports: readonly number[]) {
    this.#make = make;
    this.cluster = cluster;
    this.#client = new MemberClient(cluster.member(0).clientUrl);
    this.#ports = ports;
  }

  static async start(make: Make): Promise<Side> {
    const flags = flagsOf(make);
    const cluster = await ClusterProcess.start({ make, size: 1, flags });
    return new Side(make, cluster, await freePorts(3));
  }

  get clientUrl(): string {
    return this.cluster.member(0).clientUrl;
  }

  /** Of all members that run. */
  get endpoints(): string {
    return [this.cluster.endpoints, ...(this.#second ? [this.#second.clientUrl] : [])].join(",");
  }

  /** The text with what its words in angle brackets stand for here. */
  async filled(text: string): Promise<string> {
    const [word, name] = /<([a-z-]+)>/.exec(text) ?? [];
    if (word === undefined || name === undefined) return text;
    return this.filled(text.replace(word, await this.#valueOf(name)));
  }

  /** As `masked`, for what only this side knows. */
  masked(text: string): string {
    return text.replaceAll(this.cluster.folder, "FOLDER").replace(/FOLDER\/new-\d+/g, "FOLDER/new");
  }

  async raiseAlarm(): Promise<void> {
    const memberID = await this.#ownId();
    const action = AlarmRequest_AlarmAction.ACTIVATE;
    const raised = { action, memberID, alarm: AlarmType.NOSPACE };
    await this.#client.call(MaintenanceDefinition, alarm, raised);
  }

  async startSecond(): Promise<void> {
    const [clientPort = 0, peerPort = 0] = this.#ports;
    const first = this.cluster.member(0);
    this.#second = new MemberProcess({
      make: this.#make,
      name: SECOND,
      clientPort,
      peerPort,
      dataDir: this.#newFolder(),
      initialCluster: `${first.options.name}=${first.peerUrl},${SECOND}=${this.#secondUrl()}`,
      state: "existing",
      flags: flagsOf(this.#make),
    });
    this.#second.start();
    await this.#second.ready();
  }

  async stopSecond(): Promise<void> {
    await this.#second?.stop("SIGKILL");
    this.#second = undefined;
  }

  /** Without keys, and without leases that would run out later. */
  async clear(): Promise<void> {
    const { leases } = await this.#client.call(LeaseDefinition, leaseLeases, {});
    for (const { ID } of leases) await this.#client.call(LeaseDefinition, leaseRevoke, { ID });
    await this.#client.delete("\0", "\0");
  }

  async stop(): Promise<void> {
    this.#client.close();
    await this.stopSecond();
    await this.cluster.stop();
  }

  async #valueOf(name: string): Promise<string> {
    switch (name) {
      case "lease": {
        const { leases } = await this.#client.call(LeaseDefinition, leaseLeases, {});
        return (leases[0]?.ID ?? 0n).toString(16);
      }
      case "revision":
        return String(await this.#client.revision());
      case "fourth-last":
        return String((await this.#client.revision()) - 3);
      case "self":
        return (await this.#ownId()).toString(16);
      case "second":
        return this.#idWhere((id, own) => id !== own);
      case "follower": {
        const { leader } = await this.#client.call(MaintenanceDefinition, status, {});
        return this.#idWhere((id) => id !== leader);
      }
      case "self-url":
        return this.cluster.member(0).peerUrl;
      case "second-url":
        return this.#secondUrl();
      case "absent-url":
        return `http://127.0.0.1:${this.#ports[2]}`;
      case "file":
        return join(this.cluster.folder, "saved.db");
      case "new-folder":
        return this.#newFolder();
      default:
        throw new RangeError(`nothing is called <${name}>`);
    }
  }

  async #ownId(): Promise<bigint> {
    const { header } = await this.#client.call(MaintenanceDefinition, status, {});
    return header?.memberId ?? 0n;
  }

  async #idWhere(fits: (id: bigint, own: bigint) => boolean): Promise<string> {
    const own = await this.#ownId();
    const { members } = await this.#client.call(ClusterDefinition, memberList, {});
    const found = members.find(({ ID }) => fits(ID, own));
    if (found === undefined) throw new Error(`no such member among ${members.length}`);
    return found.ID.toString(16);
  }

  #secondUrl(): string {
    return `http://127.0.0.1:${this.#ports[1]}`;
  }

  #newFolder(): string {
    this.#folders += 1;
    return join(this.cluster.folder, `new-${this.#folders}`);
  }
}

function flagsOf(make: Make): string[] {
  return make === "quorate" ? FLAGS : [...FLAGS, COMMITS_AT_ONCE];
}
