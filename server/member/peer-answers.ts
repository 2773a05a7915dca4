import type { ReplicatedState } from "../apply/replicated-state.ts";
import { Metadata } from "../http2/metadata.ts";
import { membersJson } from "../membership/member-record.ts";
import type { HashRuns } from "../replica/hash-kv.ts";
import type { Leases } from "../replica/leases.ts";
import type { Reconfigurer } from "../replica/reconfigurer.ts";
import type { Replica } from "../replica/replica.ts";
import type { Callers } from "../rpc/callers.ts";
import type { PeerQuestions } from "../transport/transport.ts";

/** The parts that answer; they exist only after the transport they answer through. */
export interface PeerAnswerSources {
  readonly hashes: HashRuns;
  readonly replica: Replica;
  readonly leases: Leases;
  readonly reconfigurer: Reconfigurer;
  readonly callers: Callers;
}

/** What other members may ask this one apart from raft. */
export function peerAnswers(
  state: ReplicatedState,
  sources: () => PeerAnswerSources,
): PeerQuestions {
  const { membership } = state;
  const members = () => membersJson(membership.members);
  return {
    isRemoved: (id) => membership.removed.has(id),
    members,
    clusterVersion: () => membership.clusterVersion,
    promote: async (id, token) => {
      const metadata = new Metadata(token === undefined ? [] : ["authorization", token]);
      await sources().callers.checkRoot({ metadata, peerCertificateName: undefined });
      await sources().reconfigurer.promoteHere(id);
      return members();
    },
    hashKv: async (revision) => {
      const found = await sources().hashes.take(revision);
      const { hash, compactRevision, currentRevision } = found;
      return { revision: currentRevision, hash, compactRevision };
    },
    downgradeEnabled: async () => {
      await sources().replica.readBarrier();
      return membership.downgrade.enabled;
    },
    keepAlive: (leaseId) => sources().leases.renewHere(leaseId),
    timeToLive: (leaseId, withKeys) => sources().leases.timeToLiveHere(leaseId, withKeys),
  };
}
