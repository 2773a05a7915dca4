import fc from "fast-check";
import { ROOT } from "./auth-steps.ts";
import type { CallStep, Message, Step } from "./step.ts";

// Who makes the requests of a history while authentication is on.

type Caller = string | undefined;
const caller = fc.oneof(
  { weight: 90, arbitrary: fc.constant<Caller>(ROOT) },
  { weight: 80, arbitrary: fc.constantFrom<Caller[]>("alice", "bob") },
  { weight: 10, arbitrary: fc.constantFrom<Caller[]>("~root", "~alice", "nobody") },
  { weight: 10, arbitrary: fc.constant<Caller>(undefined) },
  { weight: 1, arbitrary: fc.constantFrom<Caller[]>("=", "=no.1", "=Bearer ") },
);

/** What etcd before 3.5.28 lets strangers do; afterwards stores are not the same. */
const OPEN_TO_STRANGERS = new Set(["Lease/LeaseGrant", "Lease/LeaseRevoke"]);
/** The same of users. */
const OPEN_TO_USERS = new Set(["KV/Compact", "Maintenance/Alarm"]);
/** One in so many of the requests that it judges otherwise is left as it came. */
const WILD_SHARE = 60;

/** The steps, each made by somebody; now and then as what real etcd fails to judge. */
export function byAnybody(step: fc.Arbitrary<Step>): fc.Arbitrary<Step> {
  return fc
    .record({ step, by: caller, wild: fc.nat(WILD_SHARE - 1) })
    .map((chosen) => askedBy(chosen.step, chosen.by, chosen.wild === 0));
}

export function asRoot(steps: readonly Step[]): Step[] {
  return steps.map((step) => ({ ...step, as: ROOT }));
}

function askedBy(step: Step, by: string | undefined, isWild: boolean): Step {
  if ("cancel" in step) return step;
  const asked = by === undefined ? step : { ...step, as: by };
  if (isWild || !("call" in step)) return asked;
  // Etcd 3.4 looks at the token first.
  if (step.call === "Auth/Authenticate") return step;
  if (by === ROOT) return asked;
  const isOpen =
    OPEN_TO_USERS.has(step.call) || (by === undefined && OPEN_TO_STRANGERS.has(step.call));
  if (isOpen) return { ...step, as: ROOT };
  return step.call === "KV/Txn" ? { ...(asked as CallStep), request: plain(step.request) } : asked;
}

/** A transaction without what etcd before 3.5.28 does not judge in it. */
function plain(request: Message): Message {
  const judged = (operations: unknown) =>
    (operations as readonly Message[] | undefined)
      ?.filter(({ requestTxn }) => requestTxn === undefined)
      .map((operation) => {
        const put = operation["requestPut"] as Message | undefined;
        return put === undefined ? operation : { requestPut: { ...put, lease: 0n, prevKv: false } };
      });
  const { success, failure } = request;
  return {
    ...request,
    ...(success === undefined ? {} : { success: judged(success) }),
    ...(failure === undefined ? {} : { failure: judged(failure) }),
  };
}
