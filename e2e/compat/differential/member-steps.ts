import fc from "fast-check";
import { anyRevision, INT64_MAX, revisionRef, sometimes, steps } from "./key-value-steps.ts";
import type { Message, Ref, Step } from "./step.ts";

// Requests of Cluster, Maintenance and Health. What would end a server or cut it off from itself is
// left out: voting members that do not exist, removal of itself, addresses that cannot be read.

const UINT64_MAX = 0xffff_ffff_ffff_ffffn;
const STRANGERS = [4711n, 4711n, 0n, INT64_MAX + 1n, UINT64_MAX];
const self: Ref = { ref: "self", n: 0 };

const stranger = fc.constantFrom(...STRANGERS);
const memberId = fc.oneof(
  { weight: 8, arbitrary: fc.nat(1).map((n): Ref => ({ ref: "member", n })) },
  { weight: 2, arbitrary: stranger },
);
const READABLE_URLS = [
  "http://127.0.0.1:1",
  "http://127.0.0.1:2",
  " https://[::1]:3 ",
  "unix://s:1",
  "HTTP://127.0.0.1:4",
];
/** In any order, some more than once. */
const readableURLs = fc.array(fc.constantFrom(...READABLE_URLS), { minLength: 1, maxLength: 3 });
const UNREADABLE_URLS = [[], ["x"], ["http://h"], [""], ["http://127.0.0.1:1", "http://a:1/path"]];
const peerURLs = fc.oneof(
  { weight: 3, arbitrary: readableURLs },
  { weight: 2, arbitrary: fc.constantFrom<string[]>(...UNREADABLE_URLS) },
);

export const clusterSteps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: steps("Cluster/MemberList", fc.record({ linearizable: sometimes })),
  },
  {
    weight: 4,
    arbitrary: steps("Cluster/MemberAdd", fc.record({ peerURLs, isLearner: fc.constant(true) })),
  },
  { weight: 6, arbitrary: steps("Cluster/MemberRemove", fc.record({ ID: memberId })) },
  {
    weight: 4,
    arbitrary: steps(
      "Cluster/MemberUpdate",
      fc.record({
        ID: fc.oneof(fc.constant<Ref | bigint>(self), stranger),
        peerURLs: readableURLs,
      }),
    ),
  },
  { weight: 4, arbitrary: steps("Cluster/MemberPromote", fc.record({ ID: memberId })) },
);

const NOSPACE = 1;
const CORRUPT = 2;
function about(action: number, memberID: Ref | bigint, alarm: number): Step {
  return { call: "Maintenance/Alarm", request: { action, memberID, alarm } };
}

/** Whoever was said to have a full quota has none. */
export const FREE_SPACE: readonly Step[] = [self, ...STRANGERS].map((each) =>
  about(2, each, NOSPACE),
);

/** Never two kinds of alarm at once: real etcd forgets the first. */
export function duringAlarm(step: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> {
  const inside = step.filter((each) => !("call" in each) || each.call !== "Maintenance/Alarm");
  return fc
    .record({
      kind: fc.constantFrom(NOSPACE, CORRUPT),
      steps: fc.array(inside, { minLength: 1, maxLength: 6 }),
    })
    .map((during) => [
      ...FREE_SPACE,
      about(1, self, during.kind),
      ...during.steps,
      about(2, self, during.kind),
    ]);
}

/** Nothing that begins or ends a downgrade: etcd 3.5 does it, and forgets to answer. */
const downgrade: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    action: fc.constant(0),
    version: fc.constantFrom("3.4.0", "3.4", "3.5.0", "3.3.0", "2.4.0", "3.6.0", "soon", ""),
  }),
  fc.constantFrom({ action: 1, version: "3.3.0" }, { action: 2 }, { action: 7 }),
);

const asking: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: steps("Maintenance/Status", fc.constant({})) },
  { weight: 2, arbitrary: steps("Maintenance/Hash", fc.constant({})) },
  {
    weight: 16,
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
    weight: 2,
    arbitrary: steps(
      "Maintenance/MoveLeader",
      fc.record({ targetID: fc.oneof(fc.constant<Ref | bigint>(self), stranger) }),
    ),
  },
  { weight: 2, arbitrary: steps("Maintenance/Defragment", fc.constant({})) },
  { weight: 2, arbitrary: steps("Maintenance/Snapshot", fc.constant({})) },
  { weight: 1, arbitrary: steps("Maintenance/Downgrade", downgrade) },
  {
    weight: 1,
    arbitrary: steps(
      "Health/Check",
      fc.record({ service: fc.constantFrom("", "", "etcdserverpb.KV") }),
    ),
  },
);

// An unknown action or kind ends real etcd 3.5, and 3.4 also one that is raised without a kind.
const alarmed = fc.record({
  action: fc.constant(1),
  memberID: fc.oneof(fc.constant<Ref | bigint>(self), stranger),
  alarm: fc.constant(NOSPACE),
});
const disarmed = fc.record({
  action: fc.constantFrom(0, 2, 2),
  memberID: fc.constantFrom<Ref | bigint>(self, self, ...STRANGERS),
  alarm: fc.constantFrom(0, NOSPACE, NOSPACE),
});

export const maintenanceSteps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 37, arbitrary: asking },
  { weight: 3, arbitrary: steps("Maintenance/Alarm", alarmed) },
  { weight: 3, arbitrary: steps("Maintenance/Alarm", disarmed) },
);
/** While an alarm stands, etcd before 3.6 does not judge whoever calls. */
export const maintenanceWithoutAlarms: fc.Arbitrary<Step> = fc.oneof(
  { weight: 37, arbitrary: asking },
  { weight: 3, arbitrary: steps("Maintenance/Alarm", disarmed) },
);
