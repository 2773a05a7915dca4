import type { ReplicatedState } from "../apply/replicated-state.ts";
import { EtcdError } from "../errors.ts";
import type { Member as ClusterMember } from "../membership/member-record.ts";
import { parsePeerUrls } from "../membership/peer-urls.ts";
import { ClusterDefinition, type Member } from "../proto/gen/rpc.ts";
import type { Reconfigurer } from "../replica/reconfigurer.ts";
import type { Replica } from "../replica/replica.ts";
import type { Dispatcher } from "./dispatch.ts";
import type { Headers } from "./header.ts";

export interface ClusterServiceOptions {
  readonly replica: Replica;
  readonly state: ReplicatedState;
  readonly reconfigurer: Reconfigurer;
  readonly headers: Headers;
}

/** Who is in the cluster, and changes of it; every answer lists all members. */
export function registerCluster(dispatcher: Dispatcher, options: ClusterServiceOptions): void {
  const { replica, state, reconfigurer, headers } = options;
  const reply = (members: readonly ClusterMember[] = state.membership.members) => ({
    header: headers.withoutRevision(),
    members: members.map(memberMessage),
  });
  dispatcher.unary(ClusterDefinition, "memberList", async ({ linearizable }, call) => {
    if (linearizable) await replica.readBarrier(call);
    return reply();
  });
  dispatcher.unary(ClusterDefinition, "memberAdd", async ({ peerURLs, isLearner }) => {
    const added = await reconfigurer.add(readUrls(peerURLs), isLearner);
    return { ...reply(), member: memberMessage(added) };
  });
  dispatcher.unary(ClusterDefinition, "memberRemove", async ({ ID }) => {
    await reconfigurer.remove(ID);
    return reply();
  });
  dispatcher.unary(ClusterDefinition, "memberUpdate", async ({ ID, peerURLs }) => {
    readUrls(peerURLs);
    await reconfigurer.update(ID, peerURLs);
    return reply();
  });
  dispatcher.unary(ClusterDefinition, "memberPromote", async ({ ID }, { metadata }) => {
    const token = metadata.get("token") ?? metadata.get("authorization");
    return reply(await reconfigurer.promote(ID, token));
  });
}

/** What no member could dial is refused, for an update too: it would end a member of etcd's. */
function readUrls(urls: readonly string[]): string[] {
  const read = parsePeerUrls(urls);
  if (read === undefined) throw new EtcdError("MemberBadURLs");
  return read;
}

function memberMessage({ id, name, peerUrls, clientUrls, isLearner }: ClusterMember): Member {
  return { ID: id, name, peerURLs: [...peerUrls], clientURLs: [...clientUrls], isLearner };
}
