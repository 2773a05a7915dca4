import {
  MaintenanceDefinition,
  StatusRequest,
  type StatusResponse,
} from "../../server/proto/gen/rpc.ts";
import type { CallOptions, EtcdClient } from "./client.ts";

export interface MemberReport extends StatusResponse {
  /** Who answered. */
  readonly memberId: bigint;
  readonly revision: number;
  /** Of any member, as the one that answered knows them; they are not among its `errors`. */
  readonly alarms: readonly AlarmRecord[];
}

export interface AlarmRecord {
  /** 0 when etcd does not tell: its alarms about corruption may lack the member. */
  readonly memberId: bigint;
  readonly alarm: "NOSPACE" | "CORRUPT" | "UNKNOWN";
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
  const errors: string[] = [];
  const alarms: AlarmRecord[] = [];
  for (const text of reply.errors) {
    const alarm = alarmIn(text);
    if (alarm === undefined) errors.push(text);
    else alarms.push(alarm);
  }
  return { ...reply, errors, memberId, revision, alarms };
}

/**
 * A status has alarms among its errors, as the text of an AlarmMember: `memberID:5 alarm:NOSPACE `,
 * fields that are zero left out (etcd's Status in server/etcdserver/api/v3rpc/maintenance.go). The
 * spaces are up to the version of protobuf. To ask for alarms would write an entry to the log.
 */
const ALARM_TEXT = /^\s*(?:memberID:\s*(\d+))?\s*(?:alarm:\s*(\w+))?\s*$/;

function alarmIn(text: string): AlarmRecord | undefined {
  const found = ALARM_TEXT.exec(text);
  if (found === null) return undefined;
  const [, memberId = "0", alarm] = found;
  const isKnown = alarm === "NOSPACE" || alarm === "CORRUPT";
  return { memberId: BigInt(memberId), alarm: isKnown ? alarm : "UNKNOWN" };
}
