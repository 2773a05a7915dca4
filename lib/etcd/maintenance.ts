import {
  AlarmRequest,
  AlarmType,
  MaintenanceDefinition,
  StatusRequest,
  type StatusResponse,
} from "../../server/proto/gen/rpc.ts";
import type { CallOptions, EtcdClient } from "./client.ts";

export interface MemberReport extends StatusResponse {
  /** Who answered. */
  readonly memberId: bigint;
  readonly revision: number;
}

/** What the member behind `url` says of itself; no other is asked. Needs no leader. */
export async function statusOf(
  client: EtcdClient,
  url: string,
  options: CallOptions = {},
): Promise<MemberReport> {
  const { status } = MaintenanceDefinition.methods;
  const request = StatusRequest.fromPartial({});
  const reply = await client.ask(url, MaintenanceDefinition, status, request, {
    ...options,
    leaderless: true,
  });
  const { memberId = 0n, revision = 0 } = reply.header ?? {};
  return { ...reply, memberId, revision };
}

export interface AlarmRecord {
  readonly memberId: bigint;
  readonly alarm: "NOSPACE" | "CORRUPT" | "UNKNOWN";
}

/** Answered from one member's own state. */
export async function alarms(
  client: EtcdClient,
  options: CallOptions = {},
): Promise<readonly AlarmRecord[]> {
  const { alarm } = MaintenanceDefinition.methods;
  const request = AlarmRequest.fromPartial({});
  const reply = await client.read(MaintenanceDefinition, alarm, request, {
    ...options,
    leaderless: true,
  });
  return reply.alarms.map((raised) => ({ memberId: raised.memberID, alarm: nameOf(raised.alarm) }));
}

function nameOf(alarm: AlarmType): AlarmRecord["alarm"] {
  if (alarm === AlarmType.NOSPACE) return "NOSPACE";
  return alarm === AlarmType.CORRUPT ? "CORRUPT" : "UNKNOWN";
}
