import fc from "fast-check";
import type { Make } from "../../harness/member-process.ts";
import { authSteps, authStepsFor34 } from "./auth-steps.ts";
import {
  anyKeyValueStep,
  anyRevision,
  INT64_MAX,
  INT64_MIN,
  key,
  LEASE_IDS,
  leaseId,
  rangeEnd,
  revisionRef,
  startRevision,
  steps,
} from "./key-value-steps.ts";
import type { Ref, Step } from "./step.ts";

// Histories over all services. What would end a server, cut it off from itself or make an answer
// depend on time is left out: short leases, voting members that do not exist, removal of itself.

const sometimes = fc.boolean();

/** Long enough to outlive any history: expiry is no matter of answers but of time. */
const TTLS = [1_000, 5_000, 9_000_000_000, 9_000_000_001, INT64_MAX];

const leaseSteps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: steps(
      "Lease/LeaseGrant",
      fc.record({
        ID: fc.constantFrom(...LEASE_IDS, 0n, 0n),
        TTL: fc.constantFrom<number | bigint>(...TTLS),
      }),
    ),
  },
  { weight: 4, arbitrary: steps("Lease/LeaseRevoke", fc.record({ ID: leaseId })) },
  {
    weight: 5,
    arbitrary: steps("Lease/LeaseTimeToLive", fc.record({ ID: leaseId, keys: sometimes })),
  },
  { weight: 2, arbitrary: steps("Lease/LeaseLeases", fc.constant({})) },
  { weight: 2, arbitrary: leaseId.map((keepAlive) => ({ keepAlive })) },
);

const WATCHES = 12;

const watched = {
  key,
  rangeEnd,
  prevKv: sometimes,
  progressNotify: sometimes,
  fragment: sometimes,
  filters: fc.constantFrom<number[]>([], [], [], [0], [1], [0, 1], [1, 1], [5]),
};
const handle = fc.nat(WATCHES - 1);

/** Not -1: no client could tell its events from answers about progress. */
const OWN_IDS = [0n, 0n, 0n, 1_000n, 1_001n, INT64_MAX, INT64_MIN];
const presentWatch: fc.Arbitrary<Step> = fc.record({
  watch: handle,
  create: fc.record({ ...watched, watchId: fc.constantFrom(...OWN_IDS) }),
});
/** Under no id of its own: real etcd does not give it free when compaction ends the watch. */
const pastWatch: fc.Arbitrary<Step> = fc.record({
  watch: handle,
  create: fc.record({ ...watched, startRevision }),
});
const cancel: fc.Arbitrary<Step> = fc.record({ cancel: handle });

const memberId = fc.oneof(
  { weight: 4, arbitrary: fc.nat(1).map((n): Ref => ({ ref: "member", n })) },
  { weight: 1, arbitrary: fc.constant(4711n) },
);
const READABLE_URLS = [["http://127.0.0.1:1"], ["http://127.0.0.1:2"]];
const PEER_URLS = [...READABLE_URLS, [], ["x"], ["http://h"], [""]];
const peerURLs = fc.constantFrom(...PEER_URLS);

const clusterSteps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: steps("Cluster/MemberList", fc.record({ linearizable: sometimes })),
  },
  {
    weight: 2,
    arbitrary: steps("Cluster/MemberAdd", fc.record({ peerURLs, isLearner: fc.constant(true) })),
  },
  { weight: 3, arbitrary: steps("Cluster/MemberRemove", fc.record({ ID: memberId })) },
  // Of nobody: etcd takes an updated learner for a voter, and an address that cannot be read ends it.
  {
    weight: 1,
    arbitrary: steps(
      "Cluster/MemberUpdate",
      fc.record({ ID: fc.constant(4711n), peerURLs: fc.constantFrom(...READABLE_URLS) }),
    ),
  },
  { weight: 2, arbitrary: steps("Cluster/MemberPromote", fc.record({ ID: memberId })) },
);

const self: Ref = { ref: "self", n: 0 };

// An unknown action or kind ends real etcd 3.5, and 3.4 also one that is raised without a kind.
const alarm = fc.oneof(
  fc.record({
    action: fc.constant(1),
    memberID: fc.constantFrom<Ref | bigint>(self, self, 4711n),
    alarm: fc.constant(1),
  }),
  fc.record({
    action: fc.constantFrom(0, 2, 2),
    memberID: fc.constantFrom<Ref | bigint>(self, self, 0n, 4711n),
    alarm: fc.constantFrom(0, 1, 1),
  }),
);
const maintenanceSteps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: steps("Maintenance/Status", fc.constant({})) },
  { weight: 3, arbitrary: steps("Maintenance/Alarm", alarm) },
  { weight: 1, arbitrary: steps("Maintenance/Hash", fc.constant({})) },
  {
    weight: 8,
    arbitrary: steps(
      "Maintenance/HashKV",
      fc.record({
        revision: fc.oneof(
          { weight: 3, arbitrary: fc.constant<Ref | number | bigint>(0) },
          { weight: 3, arbitrary: revisionRef(0, 300) },
          { weight: 1, arbitrary: anyRevision },
        ),
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: steps(
      "Maintenance/MoveLeader",
      fc.record({ targetID: fc.constantFrom<Ref | bigint>(self, 0n, 4711n) }),
    ),
  },
  { weight: 1, arbitrary: steps("Maintenance/Defragment", fc.constant({})) },
);

const common = [
  { weight: 800, arbitrary: anyKeyValueStep },
  { weight: 90, arbitrary: leaseSteps },
  { weight: 20, arbitrary: presentWatch },
  { weight: 10, arbitrary: cancel },
  { weight: 10, arbitrary: clusterSteps },
  { weight: 25, arbitrary: maintenanceSteps },
];
const anyStep = fc.oneof(
  ...common,
  { weight: 25, arbitrary: pastWatch },
  { weight: 60, arbitrary: authSteps },
);
/** Compaction in etcd 3.4 also takes a deletion at the compacted revision itself. */
const anyStepFor34 = fc.oneof(...common, { weight: 60, arbitrary: authStepsFor34 });

/** The same steps for the same seed. */
export function historyOf(seed: number, length: number, others: readonly Make[]): Step[] {
  const step = others.includes("etcd-3.4") ? anyStepFor34 : anyStep;
  return fc.sample(step, { seed, numRuns: length });
}
