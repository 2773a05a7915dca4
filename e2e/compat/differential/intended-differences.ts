import type { Make } from "../../harness/member-process.ts";
import type { Difference } from "./difference.ts";
import type { Message, Step } from "./step.ts";

// Where we answer otherwise than an etcd, on purpose. An entry speaks of as little as possible, and
// brings a history in which it shows: a test plays it, so that no entry outlives its difference.
// Differences after which the stores differ are no matter for histories; they stand in
// server/README.md.

export interface IntendedDifference {
  readonly reason: string;
  readonly makes: readonly Make[];
  readonly matches: (difference: Difference) => boolean;
  /** Plays on an empty store; the last step shows the difference. */
  readonly example: readonly Step[];
}

const HEADER: ReadonlySet<string> = new Set(["header"]);
const STATUS_OF_36: ReadonlySet<string> = new Set([
  "dbSizeQuota",
  "storageVersion",
  "downgradeInfo",
]);
const BOTH: readonly Make[] = ["etcd-3.4", "etcd-3.5"];

export const INTENDED_DIFFERENCES: readonly IntendedDifference[] = [
  {
    reason: "An unknown sort order is refused, as by etcd from 3.6 on, instead of being ignored.",
    makes: BOTH,
    matches: ({ step, ours }) =>
      requestOf(step, "KV/Range")?.["sortOrder"] === 7 &&
      isFailure(ours, 3, "etcdserver: invalid sort option"),
    example: [{ call: "KV/Range", request: { key: Buffer.from("a"), sortOrder: 7 } }],
  },
  {
    reason: "HashKV says of which revision its hash is, as from etcd 3.6 on.",
    makes: BOTH,
    matches: ({ step, ours, theirs }) =>
      requestOf(step, "Maintenance/HashKV") !== undefined &&
      ours.replace(/"hashRevision":-?\d+/, '"hashRevision":0') === theirs,
    example: [{ call: "Maintenance/HashKV", request: {} }],
  },
  {
    reason: "Status tells its quota, storage version and downgrade, as from etcd 3.6 on.",
    makes: BOTH,
    matches: ({ step, ours, theirs }) =>
      requestOf(step, "Maintenance/Status") !== undefined &&
      without(ours, STATUS_OF_36) === without(theirs, STATUS_OF_36),
    example: [{ call: "Maintenance/Status", request: {} }],
  },
  {
    reason: "MemberUpdate looks at its addresses first: one that cannot be read would end etcd.",
    makes: BOTH,
    matches: ({ step, ours, theirs }) =>
      requestOf(step, "Cluster/MemberUpdate") !== undefined &&
      isFailure(ours, 3, "etcdserver: given member URLs are invalid") &&
      isFailure(theirs, 5, "etcdserver: member not found"),
    example: [{ call: "Cluster/MemberUpdate", request: { ID: 4711n, peerURLs: ["x"] } }],
  },
  {
    reason: "etcd 3.4 answers about alarms without a header.",
    makes: ["etcd-3.4"],
    matches: ({ step, ours, theirs }) =>
      requestOf(step, "Maintenance/Alarm") !== undefined && without(ours, HEADER) === theirs,
    example: [{ call: "Maintenance/Alarm", request: {} }],
  },
  {
    reason: "etcd 3.4 does not hash the compacted revision itself, which can still be read.",
    makes: ["etcd-3.4"],
    matches: ({ step, ours, theirs }) =>
      requestOf(step, "Maintenance/HashKV") !== undefined &&
      ours.includes('"hashRevision":') &&
      isFailure(theirs, 11, "etcdserver: mvcc: required revision has been compacted"),
    example: [{ call: "Maintenance/HashKV", request: { revision: { ref: "revision", n: 0 } } }],
  },
  {
    reason: "etcd 3.4 does not know the call AuthStatus.",
    makes: ["etcd-3.4"],
    matches: ({ step, ours, theirs }) =>
      requestOf(step, "Auth/AuthStatus") !== undefined &&
      ours.includes('"authRevision":') &&
      isFailure(theirs, 12, "unknown method AuthStatus for service etcdserverpb.Auth"),
    example: [{ call: "Auth/AuthStatus", request: {} }],
  },
];

/** The entry that a difference falls under. */
export function intendedDifference(difference: Difference): IntendedDifference | undefined {
  return INTENDED_DIFFERENCES.find(
    ({ makes, matches }) => makes.includes(difference.make) && matches(difference),
  );
}

function requestOf(step: Step | undefined, call: string): Message | undefined {
  return step !== undefined && "call" in step && step.call === call ? step.request : undefined;
}

function isFailure(answer: string, status: number, text: string): boolean {
  return answer === JSON.stringify({ failure: { status, text } });
}

function without(answer: string, fields: ReadonlySet<string>): string {
  const { response } = JSON.parse(answer) as { response?: Record<string, unknown> };
  const rest = Object.entries(response ?? {}).filter(([name]) => !fields.has(name));
  return JSON.stringify({ response: Object.fromEntries(rest) });
}
