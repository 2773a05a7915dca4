import type { RawOutcome } from "../harness/raw-caller.ts";
import { type Need, SECRET, SECRET_VALUE } from "./access-cases.ts";
import type { Who } from "./access-holes.ts";
import type { Cell } from "./access-methods.ts";

// What a caller is to be told, what he was told, and whether that was about him.

/** Why a member may refuse in this state, whoever asks. */
export const STATES = {
  normal: [],
  NOSPACE: ["etcdserver: mvcc: database space exceeded"],
  CORRUPT: ["etcdserver: corrupt cluster"],
  learner: ["etcdserver: rpc not supported for learner"],
  leaderless: [
    "etcdserver: no leader",
    "etcdserver: not leader",
    "etcdserver: request timed out",
    "etcdserver: request timed out, possibly due to previous leader failure",
    "etcdserver: request timed out, possibly due to connection lost",
    "etcdserver: leader changed",
    "deadline exceeded",
  ],
} as const;
export type State = keyof typeof STATES;

interface Refusal {
  readonly text: string;
  readonly grpc: number;
  readonly http: number;
}

const EMPTY: Refusal = { text: "etcdserver: user name is empty", grpc: 3, http: 400 };
const INVALID: Refusal = { text: "etcdserver: invalid auth token", grpc: 16, http: 401 };
const DENIED: Refusal = { text: "etcdserver: permission denied", grpc: 7, http: 403 };
/** Of a method that is not served there, or of a request that nobody could make. */
const UNJUDGED = /^(unknown (service|method) |Not Found|etcdserver: given member URLs are invalid)/;
const ABOUT_CALLER = /(user name is empty|invalid auth token|permission denied)$/;

/** What the caller is told; undefined when none of the refusals is about him. */
export function refusalFor(who: Who, need: Need): Refusal | undefined {
  if (need === "nobody" || who === "root") return undefined;
  if (who === "stranger") return need === "guest" ? undefined : EMPTY;
  if (who !== "plain") return INVALID;
  return need === "root" ? DENIED : undefined;
}

/** A watch is refused by an answer; all else by an error. "" is an answer without a refusal. */
export function textOf(outcome: RawOutcome): string {
  if ("text" in outcome)
    return outcome.text.replace(/^.*deadline exceeded.*/i, "deadline exceeded");
  const { cancelReason, cancel_reason: reason } = outcome.answer as Record<string, string>;
  return (cancelReason ?? reason ?? "").replace(/^rpc error: code = \w+ desc = /, "");
}

/** With the status, which of an answer is 0. */
export function verdictOf(outcome: RawOutcome): string {
  return `${"status" in outcome ? outcome.status : 0} ${textOf(outcome)}`;
}

/** Whoever asked, nobody could agree on an answer: in whose time that is told is a matter of chance. */
export function isUndecided(outcome: RawOutcome): boolean {
  const text = textOf(outcome);
  return text === "no answer" || STATES.leaderless.some((each) => each === text);
}

/** The verdicts that say no to this caller; undefined where he may. */
function refusals(cell: Cell, who: Who): readonly string[] | undefined {
  const refusal = refusalFor(who, cell.need);
  if (refusal === undefined) return undefined;
  const { text, grpc, http } = refusal;
  // Etcd ends such a stream without a word.
  if (cell.path === "/v3electionpb.Election/Observe") return ["0 no answer", "200 no answer"];
  if (cell.path === "/etcdserverpb.Watch/Watch") return [`0 ${text}`];
  // These pass through a client of the member's own, which knows no status.
  if (/Election|Lock/.test(cell.service)) return [`${cell.way === "grpc" ? 2 : 500} ${text}`];
  return [`${cell.way === "grpc" ? grpc : http} ${text}`];
}

/** What is wrong with our answer; undefined when nothing is. */
export function faultOf(
  cell: Cell,
  who: Who,
  state: State,
  outcome: RawOutcome,
): string | undefined {
  const verdict = verdictOf(outcome);
  const told = `${state}, ${who}, ${nameOf(cell)}: "${verdict}"`;
  const isExcused = (STATES[state] as readonly string[]).includes(textOf(outcome));
  const expected = refusals(cell, who);
  if (expected === undefined) {
    if (ABOUT_CALLER.test(verdict)) return `${told}, although he may`;
  } else if (!isExcused && !expected.includes(verdict)) {
    return `${told} instead of "${expected[0]}"`;
  }
  return who !== "root" && isTelling(outcome) ? `${told} tells secrets` : undefined;
}

/** Whether others than root got through where they must not. */
export function isOpen(cell: Cell, who: Who, outcome: RawOutcome): boolean {
  const text = textOf(outcome);
  const isRefused = ABOUT_CALLER.test(text) || text === "no answer";
  return refusalFor(who, cell.need) !== undefined && !isRefused && !UNJUDGED.test(text);
}

export function nameOf({ path, way, request }: Cell): string {
  return `${path.replace(/^.*\./, "")} ${jsonOf(request)} by ${way === "grpc" ? "gRPC" : way}`;
}

const SECRETS = [SECRET.toString(), SECRET_VALUE];
const TELLING = SECRETS.flatMap((text) => [text, Buffer.from(text).toString("base64")]);

/** Whether it holds the secret key's name or value. */
export function isTelling(outcome: RawOutcome): boolean {
  const text = jsonOf(outcome);
  return TELLING.some((secret) => text.includes(secret));
}

/** With bytes as text. */
function jsonOf(value: object): string {
  return JSON.stringify(value, (_name, each: unknown) => {
    if (typeof each === "bigint") return String(each);
    const { type, data } = (each ?? {}) as { type?: string; data?: number[] };
    return type === "Buffer" ? Buffer.from(data ?? []).toString("latin1") : each;
  });
}
