import { ClusterDefinition, type Member, MemberListRequest } from "../../server/proto/gen/rpc.ts";
import type { CallOptions, EtcdClient } from "./client.ts";

export type MemberRecord = Member;

export interface MemberList {
  readonly clusterId: bigint;
  readonly members: readonly MemberRecord[];
}

/** As one member knows it: answered without a quorum too (from 3.5 on; 3.4 never asks for one). */
export async function memberList(
  client: EtcdClient,
  options: CallOptions = {},
): Promise<MemberList> {
  const reply = await client.read(
    ClusterDefinition,
    ClusterDefinition.methods.memberList,
    MemberListRequest.fromPartial({ linearizable: false }),
    { ...options, leaderless: true },
  );
  return { clusterId: reply.header?.clusterId ?? 0n, members: reply.members };
}
