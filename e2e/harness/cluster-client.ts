import {
  HashKVRequest,
  KVDefinition,
  MaintenanceDefinition,
  PutRequest,
  RangeRequest,
  StatusRequest,
  type StatusResponse,
} from "../../server/proto/gen/rpc.ts";
import type { ClusterProcess, MemberProcess } from "./member-process.ts";
import { RpcClient, type RpcOutcome } from "./rpc-client.ts";

/** The calls that tests make, at one member each. */
export class ClusterClient {
  readonly #clients: readonly RpcClient[];
  readonly #token: string | undefined;

  constructor(members: readonly Pick<MemberProcess, "clientUrl">[], token?: string) {
    this.#token = token;
    this.#clients = members.map((member) => new RpcClient(new URL(member.clientUrl).host));
  }

  get size(): number {
    return this.#clients.length;
  }

  at(member: number): RpcClient {
    const client = this.#clients[member];
    if (client === undefined) throw new RangeError(`no member ${member}`);
    return client;
  }

  put(member: number, key: string, value: string | Buffer, deadlineMs?: number) {
    const request = PutRequest.fromPartial({ key: Buffer.from(key), value: Buffer.from(value) });
    const { put } = KVDefinition.methods;
    return this.at(member).unary(KVDefinition, put, request, deadlineMs, this.#token);
  }

  get(member: number, key: string, rangeEnd = "") {
    const request = RangeRequest.fromPartial({
      key: Buffer.from(key),
      rangeEnd: Buffer.from(rangeEnd),
    });
    const { range } = KVDefinition.methods;
    return this.at(member).unary(KVDefinition, range, request, undefined, this.#token);
  }

  status(member: number): Promise<RpcOutcome<StatusResponse>> {
    const request = StatusRequest.fromPartial({});
    const { status } = MaintenanceDefinition.methods;
    return this.at(member).unary(MaintenanceDefinition, status, request, undefined, this.#token);
  }

  async hashKv(member: number, revision: number): Promise<number> {
    const request = HashKVRequest.fromPartial({ revision });
    const { hashKV } = MaintenanceDefinition.methods;
    const asked = this.at(member).unary(
      MaintenanceDefinition,
      hashKV,
      request,
      undefined,
      this.#token,
    );
    return must(await asked).hash;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

/** The response, or an Error with the failure's text. */
export function must<T>(outcome: RpcOutcome<T>): T {
  if ("failure" in outcome) throw new Error(outcome.failure.text);
  return outcome.response;
}

/** Position of the member that leads, among those that run; waits for one. */
export async function leaderAt(cluster: ClusterProcess, limitMs = 10_000): Promise<number> {
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline) {
    for (const [at, member] of cluster.members.entries()) {
      if (!member.isRunning) continue;
      const client = new ClusterClient([member]);
      const outcome = await client.status(0);
      client.close();
      if (!("response" in outcome)) continue;
      if (outcome.response.leader === outcome.response.header?.memberId) return at;
    }
  }
  throw new Error(`no leader within ${limitMs} ms`);
}
