import type { RawOutcome } from "../harness/raw-caller.ts";
import { HOLES, type Hole, OTHERS, type Who } from "./access-holes.ts";
import type { Cell } from "./access-methods.ts";
import { isOpen, isUndecided, STATES, type State, verdictOf } from "./access-verdict.ts";

// All that the matrix is answered otherwise by us than by Debian's etcd 3.5, on purpose.

export interface AccessDifference {
  readonly reason: string;
  readonly states: readonly State[];
  /** A state in which it shows, so that no entry outlives its difference. */
  readonly shows: State;
  readonly matches: (cell: Cell, who: Who, theirs: RawOutcome) => boolean;
}

const ALL = Object.keys(STATES) as State[];
const ALARMS: readonly State[] = ["NOSPACE", "CORRUPT"];

/** What is judged by entry alone. */
const JUDGED_WHEN_APPLIED = /\.(KV\/(DeleteRange|Txn)|Lease\/LeaseRevoke|Auth\/(?!Authenticate))/;
/** Made of such. */
const MADE_OF_IT = /(Lock\/Unlock|Election\/Resign)$/;

function throughHole(hole: Hole): AccessDifference {
  const { advisory, says, to } = HOLES[hole];
  return {
    reason: `${advisory}: ${says}.`,
    states: ALL,
    shows: "normal",
    matches: (cell, who, theirs) =>
      cell.hole === hole && to.includes(who) && isOpen(cell, who, theirs),
  };
}

export const ACCESS_DIFFERENCES: readonly AccessDifference[] = [
  throughHole("question"),
  throughHole("downgrade"),
  throughHole("judgement"),
  throughHole("nesting"),
  throughHole("putting"),
  throughHole("open end"),
  {
    reason: `${HOLES.alarm.advisory}: ${HOLES.alarm.says}.`,
    states: ALARMS,
    shows: "NOSPACE",
    matches: (cell, who, theirs) =>
      (JUDGED_WHEN_APPLIED.test(cell.path) || MADE_OF_IT.test(cell.path)) &&
      HOLES.alarm.to.includes(who) &&
      isOpen(cell, who, theirs),
  },
  {
    reason: "Who may not add a member does not hear that his URLs are wrong.",
    states: ALL,
    shows: "normal",
    matches: ({ path }, who, theirs) =>
      path.endsWith("Cluster/MemberAdd") &&
      OTHERS.includes(who) &&
      verdictOf(theirs).endsWith("etcdserver: given member URLs are invalid"),
  },
  {
    reason: "Who may not need not wait until his request could be applied.",
    states: ["leaderless"],
    shows: "leaderless",
    matches: ({ path }, who, theirs) =>
      /(Lease\/LeaseRevoke|Auth\/User(Add|ChangePassword))$/.test(path) &&
      ["stranger", "plain"].includes(who) &&
      isUndecided(theirs),
  },
  {
    reason: "A refusal has its own status here as everywhere, as in 3.6, by which clients sign in.",
    states: ALL,
    shows: "normal",
    matches: ({ path }, who, theirs) =>
      /Maintenance\/(Defragment|Hash|HashKV|Snapshot)$/.test(path) &&
      OTHERS.includes(who) &&
      /^(2|500) auth: /.test(verdictOf(theirs)),
  },
  {
    reason: "Health is listed, as from etcd 3.5.28 on.",
    states: ALL,
    shows: "normal",
    matches: (_cell, _who, theirs) =>
      verdictOf(theirs) === "12 unknown method List for service grpc.health.v1.Health",
  },
  {
    reason: "Children are asked for by a service of our own.",
    states: ALL,
    shows: "normal",
    matches: (_cell, _who, theirs) => verdictOf(theirs) === "12 unknown service quorate.v1.Tree",
  },
];

/** The entry that such an answer of theirs falls under. */
export function accessDifference(
  cell: Cell,
  who: Who,
  state: State,
  theirs: RawOutcome,
): AccessDifference | undefined {
  return ACCESS_DIFFERENCES.find(
    ({ states, matches }) => states.includes(state) && matches(cell, who, theirs),
  );
}
