import type { Make } from "../harness/member-process.ts";

// What the etcds that we are measured by let through although auth is on, and we do not: each hole
// with the advisory that tells of it. The cases that go through one name it.

/** The callers of the matrix. */
export const CALLERS = ["stranger", "forger", "voided", "expired", "plain", "root"] as const;
/**
 * Without a token, with one that nobody gave out, with root's from before a change of his password,
 * with root's that has outlived its time, with that of a user of few rights, with root's.
 */
export type Who = (typeof CALLERS)[number];

/** All who may not do everything. */
export const OTHERS: readonly Who[] = CALLERS.filter((who) => who !== "root");

export type Hole =
  | "question"
  | "downgrade"
  | "judgement"
  | "nesting"
  | "putting"
  | "open end"
  | "lease's keys"
  | "alarm";

interface HoleFacts {
  readonly advisory: string;
  readonly says: string;
  readonly makes: readonly Make[];
  readonly to: readonly Who[];
}

const BOTH: readonly Make[] = ["etcd-3.4", "etcd-3.5"];

export const HOLES: Readonly<Record<Hole, HoleFacts>> = {
  question: {
    advisory: "CVE-2026-33413",
    says: "nobody is asked who he is",
    makes: BOTH,
    to: OTHERS,
  },
  downgrade: {
    advisory: "CVE-2026-33413",
    says: "nor by a method that 3.4 does not have",
    makes: ["etcd-3.5"],
    to: OTHERS,
  },
  judgement: {
    advisory: "CVE-2026-33413",
    says: "a token must be good, but none is needed, nor any right",
    makes: BOTH,
    to: ["stranger", "plain"],
  },
  nesting: {
    advisory: "CVE-2026-33343",
    says: "what stands in a transaction's transactions is not judged",
    makes: BOTH,
    to: ["stranger", "plain"],
  },
  putting: {
    advisory: "CVE-2026-44283",
    says: "of a transaction's puts neither the lease nor the previous value is judged",
    makes: BOTH,
    to: ["plain"],
  },
  "open end": {
    advisory: "CVE-2026-73499",
    says: "a watch of all keys from one on is judged as a watch of that one",
    makes: BOTH,
    to: ["plain"],
  },
  "lease's keys": {
    advisory: "CVE-2023-32082",
    says: "whoever asks for a lease is told its keys",
    makes: ["etcd-3.4"],
    to: OTHERS,
  },
  alarm: {
    advisory: "etcd's pull request 22386",
    says: "while an alarm is on nobody's rights are judged when an entry is applied",
    makes: BOTH,
    to: ["stranger", "plain"],
  },
};
