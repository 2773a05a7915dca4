import fc from "fast-check";
import { INT64_MAX, INT64_MIN, steps } from "./key-value-steps.ts";
import type { Message, Ref, Step } from "./step.ts";

// Requests of Lock and Election, on names under which other requests write as well. Without a lease
// each would make one, whose id is part of a key, and so of all that is sorted by key.

const NAMES = ["a", "a", "d", "lock", ""].map((name) => Buffer.from(name));
const LEASES = [1n, 1n, 2n, 2n, 77n, -1n, INT64_MIN, 5n];
const VALUES = ["v", "w", ""].map((text) => Buffer.from(text));

const name = fc.constantFrom(...NAMES);
const lease = fc.constantFrom(...LEASES);
const value = fc.constantFrom(...VALUES);
const heldKey = fc
  .record({ name, lease })
  .map((held) => Buffer.concat([held.name, Buffer.from(`/${held.lease.toString(16)}`)]));
const key = fc.oneof(
  { weight: 10, arbitrary: heldKey },
  { weight: 1, arbitrary: fc.constantFrom(Buffer.from("a/b"), Buffer.alloc(0)) },
);

const anyLeader: fc.Arbitrary<Message> = fc.record({
  name,
  key,
  rev: fc.constantFrom<number | bigint | Ref>(0, 1, -1, INT64_MAX, { ref: "revision", n: 9 }),
  lease,
});
const leader = fc.oneof(
  { weight: 12, arbitrary: fc.nat(4).map((n): Message | Ref => ({ ref: "leader", n })) },
  { weight: 3, arbitrary: anyLeader },
);
/** Without a leader it is refused at once. */
const ofLeader = (fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Message> =>
  fc.oneof(
    { weight: 20, arbitrary: fc.record({ leader, ...fields }) },
    { weight: 1, arbitrary: fc.record(fields) },
  );

export const queueSteps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: steps("Lock/Lock", fc.record({ name, lease })) },
  { weight: 6, arbitrary: steps("Lock/Unlock", fc.record({ key })) },
  { weight: 6, arbitrary: steps("Election/Campaign", fc.record({ name, lease, value })) },
  { weight: 4, arbitrary: steps("Election/Leader", fc.record({ name })) },
  { weight: 4, arbitrary: steps("Election/Proclaim", ofLeader({ value })) },
  { weight: 4, arbitrary: steps("Election/Resign", ofLeader({})) },
);

export const observation: fc.Arbitrary<Step> = name.map((observe) => ({ observe }));
