import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { JSON_ROUTES } from "../../server/gateway/json-routes.ts";
import { AuthenticateResponse } from "../../server/proto/gen/rpc.ts";
import { ClusterProcess, etcdctl } from "../harness/member-process.ts";
import { MixedCluster } from "../harness/mixed-cluster.ts";
import { type RawCall, RawCaller, type RawOutcome } from "../harness/raw-caller.ts";
import { ETCD_35 } from "../harness/tools.ts";
import {
  type Need,
  PLAIN,
  PLAIN_END,
  PLAIN_KEY,
  PLAIN_ROLE,
  PROBES,
  type Probe,
  SECRET,
  SECRET_LEASE,
} from "./access-cases.ts";

// Every call × who makes it × how it comes × what state the member is in. Whoever may not is told
// so, or hears why nobody may now; nothing of what he asked for happens.

const PASSWORD = "pw";
const ROOT = `--user=root:${PASSWORD}`;
const FLAGS = ["--bcrypt-cost=4", "--heartbeat-interval=50", "--election-timeout=500"];
const DEADLINE_MS = 15_000;
/** Where nothing can be agreed on there is nothing to wait for. */
const LEADERLESS_MS = 3_000;

const EMPTY = "etcdserver: user name is empty";
const INVALID = "etcdserver: invalid auth token";
const DENIED = "etcdserver: permission denied";

/** Why a member may refuse in this state, whoever asks. */
const STATES = {
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
type State = keyof typeof STATES;

type Who = "stranger" | "forger" | "leaver" | "plain" | "root";

interface Tokens {
  readonly leaver: string;
  readonly plain: string;
  readonly root: string;
}

let stop: () => Promise<void> = async () => undefined;
const callers: RawCaller[] = [];

afterEach(async () => {
  for (const caller of callers.splice(0)) caller.close();
  await stop();
});

function callerAt(url: string): RawCaller {
  const caller = new RawCaller(url);
  callers.push(caller);
  return caller;
}

async function must(url: string, args: readonly string[]): Promise<string> {
  const result = await etcdctl(ETCD_35, url, args);
  expect(result, `${args.join(" ")}: ${result.stderr}`).toMatchObject({ code: 0 });
  return result.stdout;
}

/** A secret, a user who may not know it, and auth. */
async function furnish(url: string): Promise<void> {
  const range = [PLAIN_KEY.toString(), PLAIN_END.toString()];
  const caller = callerAt(url);
  const send = async (method: string, request: object) =>
    expect(textOf(await caller.grpc(callOf(method, request, undefined)))).toBe("");
  await send("LeaseGrant", { ID: SECRET_LEASE, TTL: 3600n });
  await send("Put", { key: SECRET, value: Buffer.from("secret"), lease: SECRET_LEASE });
  for (const args of [
    ["user", "add", `root:${PASSWORD}`],
    ["user", "add", `${PLAIN}:${PASSWORD}`],
    ["user", "add", `leaver:${PASSWORD}`],
    ["role", "add", PLAIN_ROLE],
    ["role", "grant-permission", PLAIN_ROLE, "readwrite", ...range],
    ["user", "grant-role", PLAIN, PLAIN_ROLE],
    ["user", "grant-role", "root", "root"],
    ["auth", "enable"],
  ]) {
    await must(url, args);
  }
}

function callOf(name: string, request: object, token: string | undefined): RawCall {
  const probe = PROBES.find(({ method }) => method.name === name);
  if (probe === undefined) throw new RangeError(`no method ${name}`);
  return { service: probe.service, method: probe.method, request, token, deadlineMs: DEADLINE_MS };
}

async function signIn(caller: RawCaller, name: string): Promise<string> {
  const call = callOf("Authenticate", { name, password: PASSWORD }, undefined);
  const outcome = await caller.grpc(call);
  if ("text" in outcome) throw new Error(outcome.text);
  return AuthenticateResponse.create(outcome.answer as object).token;
}

async function signInAll(url: string): Promise<Tokens> {
  const caller = callerAt(url);
  const leaver = await signIn(caller, "leaver");
  await must(url, [ROOT, "user", "delete", "leaver"]);
  await must(url, [ROOT, "user", "add", `leaver:${PASSWORD}`]);
  return { leaver, plain: await signIn(caller, PLAIN), root: await signIn(caller, "root") };
}

function tokenOf(who: Who, tokens: Tokens): string | undefined {
  if (who === "stranger") return undefined;
  return who === "forger" ? "abcdefghijklmnop.1" : tokens[who];
}

/** What the caller is told; undefined when it is none of the three refusals that are about him. */
function refusalFor(who: Who, need: Need): string | undefined {
  if (need === "nobody" || who === "root") return undefined;
  if (who === "stranger") return EMPTY;
  if (who === "forger" || who === "leaver") return INVALID;
  return need === "root" ? DENIED : undefined;
}

/** A watch is refused by an answer; all else by an error. */
function textOf(outcome: RawOutcome): string {
  if ("text" in outcome)
    return outcome.text.replace(/^.*deadline exceeded.*/i, "deadline exceeded");
  const { cancelReason, cancel_reason: reason } = outcome.answer as Record<string, string>;
  return (cancelReason ?? reason ?? "").replace(/^rpc error: code = \w+ desc = /, "");
}

const JSON_PATHS = new Map(Object.entries(JSON_ROUTES).map(([path, rpc]) => [rpc, path]));

interface Verdict {
  readonly call: string;
  readonly text: string;
  readonly expected: readonly string[];
}

/** Asks everything as one caller, both ways, and returns what was answered otherwise than it should. */
async function surprises(
  url: string,
  state: State,
  who: Who,
  tokens: Tokens,
  probes: readonly Probe[] = PROBES,
): Promise<readonly Verdict[]> {
  const caller = callerAt(url);
  const token = tokenOf(who, tokens);
  const verdicts = probes.flatMap((probe) => {
    const { service, method, need } = probe;
    const deadlineMs = state === "leaderless" ? LEADERLESS_MS : DEADLINE_MS;
    const call = { ...probe, token, deadlineMs };
    const path = `/${service}/${method.name}`;
    const json = JSON_PATHS.get(path);
    const refusal = refusalFor(who, need);
    // Etcd names no other reason there.
    const closed = method.name === "Observe" ? ["election: observe closed early"] : [];
    const judge = async (way: string, asked: Promise<RawOutcome>): Promise<Verdict[]> => {
      const text = textOf(await asked);
      const name = `${state}, ${who}, ${way}${path}`;
      if (refusal === undefined) {
        const isAboutCaller = [EMPTY, INVALID, DENIED].includes(text);
        return isAboutCaller ? [{ call: name, text, expected: ["an answer"] }] : [];
      }
      const expected: readonly string[] = [refusal, ...closed, ...STATES[state]];
      return expected.includes(text) ? [] : [{ call: name, text, expected }];
    };
    return [
      judge("grpc", caller.grpc(call)),
      ...(json === undefined ? [] : [judge("json", caller.json(json, call))]),
    ];
  });
  return (await Promise.all(verdicts)).flat();
}

/** Everything that a call could have changed or that somebody might have stolen. */
async function inventory(url: string): Promise<string[]> {
  const parts = [
    ["get", "--prefix", ""],
    ["lease", "list"],
    ["user", "list"],
    ["user", "get", PLAIN, "--detail"],
    ["role", "list"],
    ["auth", "status"],
    ["alarm", "list"],
    ["member", "list"],
  ];
  return Promise.all(parts.map((args) => must(url, [ROOT, ...args])));
}

const STRANGERS: readonly Who[] = ["stranger", "forger", "leaver"];

test("the table has a case for every method in the proto files", () => {
  const folder = join(import.meta.dirname, "../../server/proto");
  const declared = readdirSync(folder)
    .filter((name) => name.endsWith(".proto"))
    .flatMap((name) => {
      const text = readFileSync(join(folder, name), "utf8");
      const scope = /^package (.*);/m.exec(text)?.[1];
      return [...text.matchAll(/^service (\w+) \{([^}]*)\}/gm)].flatMap(([, service, body]) =>
        [...(body ?? "").matchAll(/rpc (\w+)/g)].map(([, rpc]) => `${scope}.${service}/${rpc}`),
      );
    });
  const probed = new Set(PROBES.map(({ service, method }) => `${service}/${method.name}`));
  expect(declared.length).toBeGreaterThan(45);
  expect(declared.filter((path) => !probed.has(path))).toEqual([]);
});

test("nobody does more than he may, with and without alarms", async () => {
  const cluster = await ClusterProcess.start({ make: "quorate", size: 1, flags: FLAGS });
  stop = () => cluster.stop();
  const url = cluster.member(0).clientUrl;
  await furnish(url);
  const tokens = await signInAll(url);
  const caller = callerAt(url);
  const raise = async (action: 1 | 2, type: number) => {
    const call = callOf("Alarm", { action, memberID: 5n, alarm: type }, tokens.root);
    expect(textOf(await caller.grpc(call))).toBe("");
  };
  for (const [type, state] of (["normal", "NOSPACE", "CORRUPT"] as const).entries()) {
    if (type > 0) await raise(1, type);
    // A plain user's own lease and key are there before, so that nothing changes between.
    await surprises(
      url,
      state,
      "plain",
      tokens,
      PROBES.filter(({ need }) => need === "user"),
    );
    const before = await inventory(url);
    for (const who of [...STRANGERS, "plain"] as const) {
      expect(await surprises(url, state, who, tokens)).toEqual([]);
    }
    expect(await inventory(url)).toEqual(before);
    const harmless = PROBES.filter(({ disturbs }) => disturbs !== true);
    expect(await surprises(url, state, "root", tokens, harmless)).toEqual([]);
    if (type > 0) await raise(2, type);
  }
});

/** By 3.4.23: what the calls above are there to find. */
const KNOWN_HOLES = {
  stranger: ["Lease/LeaseGrant", "KV/Compact", "Cluster/MemberList", "Maintenance/Alarm"],
  plain: ["KV/Txn", "Watch/Watch", "Lease/LeaseTimeToLive", "KV/Compact"],
} as const;

test("the same calls find the holes of etcd 3.4.23", async () => {
  const cluster = await ClusterProcess.start({ make: "etcd-3.4", size: 1, flags: FLAGS });
  stop = () => cluster.stop();
  const url = cluster.member(0).clientUrl;
  await furnish(url);
  const tokens = await signInAll(url);
  for (const who of ["plain", "stranger"] as const) {
    const holes = KNOWN_HOLES[who].map((name) => `/etcdserverpb.${name}`);
    const wanted = PROBES.filter(({ service, method }) =>
      holes.includes(`/${service}/${method.name}`),
    );
    const found = await surprises(url, "normal", who, tokens, wanted);
    const open = new Set(found.map(({ call }) => call.replace(/^.*?(?=\/)/, "")));
    expect([...open].sort()).toEqual([...holes].sort());
  }
});

test("a learner judges what it answers", async () => {
  const cluster = new MixedCluster();
  stop = () => cluster.stop();
  await cluster.grow("a", "quorate", { flags: FLAGS });
  await cluster.grow("t", "quorate", { isLearner: true, flags: FLAGS });
  await furnish(cluster.member("a").clientUrl);
  const tokens = await signInAll(cluster.member("a").clientUrl);
  const url = cluster.member("t").clientUrl;
  for (const who of [...STRANGERS, "plain"] as const) {
    expect(await surprises(url, "learner", who, tokens)).toEqual([]);
  }
});

test("a member without a leader judges what it answers", async () => {
  const cluster = await ClusterProcess.start({ make: "quorate", size: 2, flags: FLAGS });
  stop = () => cluster.stop();
  await furnish(cluster.member(0).clientUrl);
  const tokens = await signInAll(cluster.member(0).clientUrl);
  await cluster.member(1).stop("SIGKILL");
  const { clientUrl } = cluster.member(0);
  const all = [...STRANGERS, "plain"] as const;
  const found = await Promise.all(
    all.map((who) => surprises(clientUrl, "leaderless", who, tokens)),
  );
  expect(found.flat()).toEqual([]);
});
