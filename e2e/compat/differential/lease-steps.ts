import fc from "fast-check";
import { INT64_MAX, INT64_MIN, LEASE_IDS, leaseId, sometimes, steps } from "./key-value-steps.ts";
import type { Step } from "./step.ts";

/** Long enough to outlive any history: expiry is no matter of answers but of time. */
const TTLS = [1_000, 5_000, 9_000_000_000, 9_000_000_001, INT64_MAX];
/** They give the shortest lease there is. */
const SHORT_TTLS = [0, 1, 2, -1, INT64_MIN];

export const leaseSteps: fc.Arbitrary<Step> = fc.oneof(
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

/** A lease that is revoked before it expires. */
export const shortLease: fc.Arbitrary<Step[]> = fc
  .constantFrom<number | bigint>(...SHORT_TTLS)
  .map((TTL) => [
    { call: "Lease/LeaseGrant", request: { ID: 99n, TTL } },
    { call: "Lease/LeaseTimeToLive", request: { ID: 99n } },
    { call: "Lease/LeaseRevoke", request: { ID: 99n } },
  ]);
