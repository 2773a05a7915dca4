import {
  type AlarmMember,
  AlarmRequest,
  MaintenanceDefinition,
  StatusRequest,
  type StatusResponse,
} from "../../server/proto/gen/rpc.ts";
import type { CallOptions, EtcdClient } from "./client.ts";

/** What the member behind `url` says of itself; no other is asked. Needs no leader. */
export function statusOf(
  client: EtcdClient,
  url: string,
  options: CallOptions = {},
): Promise<StatusResponse> {
  const { status } = MaintenanceDefinition.methods;
  const request = StatusRequest.fromPartial({});
  return client.ask(url, MaintenanceDefinition, status, request, { ...options, leaderless: true });
}

/** Answered from one member's own state. */
export async function alarms(
  client: EtcdClient,
  options: CallOptions = {},
): Promise<readonly AlarmMember[]> {
  const { alarm } = MaintenanceDefinition.methods;
  const request = AlarmRequest.fromPartial({});
  const reply = await client.read(MaintenanceDefinition, alarm, request, {
    ...options,
    leaderless: true,
  });
  return reply.alarms;
}
