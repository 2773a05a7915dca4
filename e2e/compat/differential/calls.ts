import { ElectionDefinition } from "../../../server/proto/gen/election.ts";
import { HealthDefinition } from "../../../server/proto/gen/health.ts";
import { LockDefinition } from "../../../server/proto/gen/lock.ts";
import {
  AuthDefinition,
  ClusterDefinition,
  KVDefinition,
  LeaseDefinition,
  MaintenanceDefinition,
} from "../../../server/proto/gen/rpc.ts";
import type { RpcClient, RpcOutcome } from "../../harness/rpc-client.ts";
import type { Message, Step } from "./step.ts";

interface AnyMethod {
  readonly name: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestType: {
    fromPartial(fields: Message): unknown;
    encode(message: unknown): { finish(): Uint8Array };
    decode(bytes: Uint8Array): unknown;
  };
  readonly responseType: AnyMethod["requestType"];
}

interface AnyService {
  readonly name: string;
  readonly fullName: string;
  readonly methods: Readonly<Record<string, AnyMethod>>;
}

const SERVICES = [
  KVDefinition,
  LeaseDefinition,
  ClusterDefinition,
  MaintenanceDefinition,
  AuthDefinition,
  LockDefinition,
  ElectionDefinition,
  HealthDefinition,
] as unknown as readonly AnyService[];

/** Every unary method of etcd's services, as "KV/Put". */
const CALLS: ReadonlyMap<string, { service: AnyService; method: AnyMethod }> = new Map(
  SERVICES.flatMap((service) =>
    Object.values(service.methods)
      .filter((method) => !method.requestStream && !method.responseStream)
      .map((method) => [`${service.name}/${method.name}`, { service, method }] as const),
  ),
);

/** What they answer does not depend on their order among themselves. */
const READS = new Set([
  "KV/Range",
  "Lease/LeaseTimeToLive",
  "Lease/LeaseLeases",
  "Cluster/MemberList",
  "Maintenance/Status",
  "Maintenance/HashKV",
  "Health/Check",
]);

export function isRead(step: Step | undefined): boolean {
  return step !== undefined && "call" in step && READS.has(step.call);
}

/** Throws RangeError for a name that is no unary call. */
export function sendCall(
  client: RpcClient,
  name: string,
  request: Message,
  { token, deadlineMs }: { token: string | undefined; deadlineMs?: number | undefined },
): Promise<RpcOutcome<unknown>> {
  const call = CALLS.get(name);
  if (call === undefined) throw new RangeError(`no call ${name}`);
  const { service, method } = call;
  return client.unary(service, method, method.requestType.fromPartial(request), deadlineMs, token);
}
