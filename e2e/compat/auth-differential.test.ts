import { afterEach, beforeEach, expect, test } from "vitest";
import { ask } from "../harness/http-client.ts";
import { ClusterProcess } from "../harness/member-process.ts";
import { RawCaller, type RawOutcome } from "../harness/raw-caller.ts";
import { type AuthStep, authHistory } from "./auth-history.ts";
import { answerForm } from "./gateway-form.ts";
import { normalForm } from "./normal-form.ts";

// Random changes of users and roles between random reads and writes by those users, at our member
// and at Debian's: every answer and every refusal must be the same.

const STEPS_PER_HISTORY = 500;
const DEADLINE_MS = 20_000;

interface Side {
  readonly cluster: ClusterProcess;
  readonly caller: RawCaller;
  /** Everybody's newest token, valid or not. */
  readonly tokens: Map<string, string>;
}

let ours: Side;
let theirs: Side;

async function open(make: "quorate" | "etcd-3.5"): Promise<Side> {
  // Etcd looks users up in what it has committed: at once, or it misses some.
  const commit = make === "etcd-3.5" ? ["--backend-batch-limit=1"] : [];
  const flags = ["--bcrypt-cost=4", ...commit];
  const cluster = await ClusterProcess.start({ make, size: 1, flags });
  const caller = new RawCaller(cluster.member(0).clientUrl);
  return { cluster, caller, tokens: new Map([["nobody", "AAAAAAAAAAAAAAAA.1"]]) };
}

beforeEach(async () => {
  [ours, theirs] = await Promise.all([open("quorate"), open("etcd-3.5")]);
});

afterEach(async () => {
  for (const side of [ours, theirs]) {
    side?.caller.close();
    await side?.cluster.stop();
  }
});

async function take({ caller, tokens }: Side, step: AuthStep): Promise<RawOutcome> {
  const token = step.caller === undefined ? undefined : tokens.get(step.caller);
  const outcome = await caller.grpc({ ...step, token, deadlineMs: DEADLINE_MS });
  if (step.method.name !== "Authenticate" || !("answer" in outcome)) return outcome;
  const { token: given, ...answer } = outcome.answer as { token: string; header: unknown };
  tokens.set((step.request as { name: string }).name, given);
  // How it begins is chance; what it names is the entry's place, which both logs agree on or not.
  expect(given).toMatch(/^[a-zA-Z]{16}\.\d+$/);
  return { answer };
}

const b64 = (text: string) => Buffer.from(text).toString("base64");

/** Over JSON, in this order. */
const JSON_STEPS: readonly (readonly [path: string, body: object, authorization?: string])[] = [
  ["/v3/auth/user/add", { name: "root", password: "pw" }],
  ["/v3/auth/user/grant", { user: "root", role: "root" }],
  ["/v3/auth/enable", {}],
  ["/v3/auth/enable", {}],
  ["/v3/auth/authenticate", { name: "root", password: "wrong" }],
  ["/v3/kv/range", { key: b64("k") }],
  ["/v3/kv/range", { key: b64("k") }, "nonsense"],
  ["/v3/kv/put", { key: b64("k"), value: b64("v") }, "Bearer nonsense"],
  ["/v3/kv/txn", { success: [{ request_range: { key: b64("k") } }] }],
  ["/v3/auth/user/list", {}],
  ["/v3/auth/user/list", {}, "nonsense.1"],
  ["/v3/cluster/member/add", { peerURLs: ["http://127.0.0.1:1"] }],
];

test("over JSON, who is nobody is refused in etcd's words", async () => {
  for (const [path, body, authorization] of JSON_STEPS) {
    const headers: Record<string, string> =
      authorization === undefined ? {} : { Authorization: authorization };
    const [mine, real] = await Promise.all(
      [ours, theirs].map(async ({ cluster }) => {
        const url = cluster.member(0).clientUrl;
        return answerForm(await ask(url, { path, body: JSON.stringify(body), headers }));
      }),
    );
    expect(mine, path).toEqual(real);
  }
});

/** What the histories must come across, or they show nothing. */
const ENDINGS = [
  "",
  "etcdserver: user name is empty",
  "etcdserver: invalid auth token",
  "etcdserver: permission denied",
  "etcdserver: authentication failed, invalid user ID or password",
  "etcdserver: role name not found",
];

test.each([1, 2, 3, 4])(
  "history %i: users, roles and what they may do are etcd's",
  async (seed) => {
    const endings = new Map<string, number>();
    for (const [at, step] of authHistory(seed, STEPS_PER_HISTORY).entries()) {
      const [mine, real] = await Promise.all([take(ours, step), take(theirs, step)]);
      const label = `#${at} ${step.caller} ${step.method.name} ${normalForm("", step.request as never)}`;
      expect(normalForm(step.method.name, mine as never), label).toBe(
        normalForm(step.method.name, real as never),
      );
      const ending = "text" in mine ? mine.text : "";
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
    }
    const rare = ENDINGS.filter((text) => (endings.get(text) ?? 0) < 3);
    expect(rare, JSON.stringify([...endings])).toEqual([]);
  },
);
