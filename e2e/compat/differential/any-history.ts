import fc from "fast-check";
import { permission, ROOT, signedInAuthSteps, unaskedAuthSteps } from "./auth-steps.ts";
import { asRoot, byAnybody } from "./callers.ts";
import { anyKeyValueStep } from "./key-value-steps.ts";
import { leaseSteps, shortLease } from "./lease-steps.ts";
import {
  clusterSteps,
  duringAlarm,
  FREE_SPACE,
  maintenanceSteps,
  maintenanceWithoutAlarms,
} from "./member-steps.ts";
import { observation, queueSteps } from "./queue-steps.ts";
import type { Message, Step } from "./step.ts";
import { longEvents, watchSteps } from "./watch-steps.ts";

// Histories over all services, about a third of them with users who sign in. What would end a
// server, cut it off from itself or make an answer depend on time is left out.

/** Of so many histories so many have users who sign in. */
const HISTORIES = 10;
const SIGNED_IN_HISTORIES = 3;
/** Everybody signs in again after so many steps, whatever his password is now. */
const SIGN_IN_STEPS = 25;
const UNASKED_STEPS_MAX = 80;

type Weighted<T> = readonly (readonly [weight: number, arbitrary: fc.Arbitrary<T>])[];

const ORDINARY: Weighted<Step> = [
  [9_000, anyKeyValueStep],
  [900, leaseSteps],
  [550, watchSteps],
  [150, clusterSteps],
];
const PECULIAR: Weighted<Step[]> = [
  [20, shortLease],
  [10, duringAlarm(fc.oneof(anyKeyValueStep, leaseSteps))],
  [3, longEvents],
];

const UNASKED: Weighted<Step> = [
  ...ORDINARY,
  [250, maintenanceSteps],
  [600, unaskedAuthSteps],
  [250, queueSteps],
  [10, observation],
];
/** Not with observations: they end some time after their rights do. */
const SIGNED_IN: Weighted<Step> = [
  ...ORDINARY,
  [250, maintenanceWithoutAlarms],
  [5_000, signedInAuthSteps],
  [150, queueSteps],
];

const unasked: fc.Arbitrary<Step[]> = fc.oneof(
  ...weighted(UNASKED, one),
  ...weighted(PECULIAR, (steps) => steps),
);
const signedIn: fc.Arbitrary<Step[]> = fc.oneof(
  ...weighted(SIGNED_IN, (step) => one(byAnybody(step))),
  ...weighted(PECULIAR, (steps) => steps.map(asRoot)),
);

function weighted<T>(
  list: Weighted<T>,
  use: (arbitrary: fc.Arbitrary<T>) => fc.Arbitrary<Step[]>,
): { weight: number; arbitrary: fc.Arbitrary<Step[]> }[] {
  return list.map(([weight, arbitrary]) => ({ weight, arbitrary: use(arbitrary) }));
}

function one(step: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> {
  return step.map((each) => [each]);
}

const auth = (name: string, request: Message): Step => ({ call: `Auth/${name}`, request });

const SIGN_IN: readonly Step[] = [ROOT, "alice", "bob"].flatMap((name) =>
  ["p", "q"].map((password) => auth("Authenticate", { name, password })),
);

/** Two users with a role each, and nobody may do anything any more who is none. */
const opening: fc.Arbitrary<Step[]> = fc
  .array(permission, { minLength: 4, maxLength: 4 })
  .map((permissions) => [
    ...[ROOT, "alice", "bob"].map((name) => auth("UserAdd", { name, password: "p" })),
    ...["one", "two"].map((name) => auth("RoleAdd", { name })),
    ...permissions.map((perm, at) =>
      auth("RoleGrantPermission", { name: at % 2 === 0 ? "one" : "two", perm }),
    ),
    auth("UserGrantRole", { user: ROOT, role: ROOT }),
    auth("UserGrantRole", { user: "alice", role: "one" }),
    auth("UserGrantRole", { user: "bob", role: "two" }),
    auth("AuthEnable", {}),
  ]);

/** The same steps for the same seed. */
export function historyOf(seed: number, length: number): Step[] {
  const isSignedIn = seed % HISTORIES < SIGNED_IN_HISTORIES;
  const steps = isSignedIn ? signedInHistory(seed, length) : sampled(unasked, seed, length).flat();
  return steps.slice(0, length);
}

function signedInHistory(seed: number, length: number): Step[] {
  const before = sampled(unasked, seed, seed % UNASKED_STEPS_MAX).flat();
  const chapters = sampled(signedIn, seed, length).flatMap((steps, at) =>
    at % SIGN_IN_STEPS === 0 ? [...SIGN_IN, ...steps] : steps,
  );
  return [
    ...before.filter((step) => !("observe" in step)),
    ...FREE_SPACE,
    ...sampled(opening, seed, 1).flat(),
    ...chapters,
  ];
}

function sampled(arbitrary: fc.Arbitrary<Step[]>, seed: number, numRuns: number): Step[][] {
  return numRuns > 0 ? fc.sample(arbitrary, { seed, numRuns }) : [];
}
