import { hashSync } from "bcrypt";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AuthDefinition } from "../../server/proto/gen/rpc.ts";
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

const REFUSED = "etcdserver: authentication failed, invalid user ID or password";

/** What the histories must come across, or they show nothing. */
const ENDINGS = [
  "",
  "etcdserver: user name is empty",
  "etcdserver: invalid auth token",
  "etcdserver: permission denied",
  REFUSED,
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

/** In the order of their bytes. The half pairs stand for bytes that are no UTF-8. */
const BYTE_NAMES = ["p\udce4", "p\udce5", "p\ufffd", "\udce2\udc82", "\ue000", "\u{1f600}"];
const [GRANTED = "", DELETED = "", , REHASHED = ""] = BYTE_NAMES;
const BYTE_PASSWORD = "p\udce4ss";
const OTHER_PASSWORDS = ["p\udce5ss", "p\udcffss", "p\ufffdss", "p\u00e4ss", "pss"];
const HASHED_ELSEWHERE = hashSync(Buffer.from("70e473", "hex"), 4);

type AuthMethod = keyof typeof AuthDefinition.methods;

const BYTE_STEPS: readonly (readonly [AuthMethod, object, caller?: string])[] = [
  ...BYTE_NAMES.toReversed().flatMap((name): [AuthMethod, object][] => [
    ["userAdd", { name, password: BYTE_PASSWORD }],
    ["roleAdd", { name }],
    ["userGrantRole", { user: "p\udce4", role: name }],
  ]),
  ["userAdd", { name: GRANTED, password: "again" }],
  ["roleAdd", { name: GRANTED }],
  ...BYTE_NAMES.toReversed().map((role): [AuthMethod, object] => [
    "userGrantRole",
    { user: GRANTED, role },
  ]),
  ["userList", {}],
  ["roleList", {}],
  ...BYTE_NAMES.map((name): [AuthMethod, object] => ["userGet", { name }]),
  ["roleGrantPermission", { name: "\udce2\udc82", perm: { permType: 2, key: Buffer.from("k") } }],
  ...BYTE_NAMES.map((role): [AuthMethod, object] => ["roleGet", { role }]),
  ["userGet", { name: "q\udce4" }],
  ["userDelete", { name: "q\udce4" }],
  ["userRevokeRole", { name: GRANTED, role: "\udce2" }],
  ["userRevokeRole", { name: GRANTED, role: "\ue000" }],
  ["userDelete", { name: DELETED }],
  ["roleDelete", { role: DELETED }],
  ["userGet", { name: GRANTED }],
  [
    "userChangePassword",
    { name: REHASHED, hashedPassword: Buffer.from(HASHED_ELSEWHERE).toString("base64") },
  ],
  ["userList", {}],
  ["roleList", {}],
  ["userAdd", { name: "root", password: "pw" }],
  ["userGrantRole", { user: "root", role: "root" }],
  ["authEnable", {}],
  ...OTHER_PASSWORDS.map((password): [AuthMethod, object] => [
    "authenticate",
    { name: GRANTED, password },
  ]),
  ["authenticate", { name: GRANTED, password: BYTE_PASSWORD }],
  ["userGet", { name: GRANTED }, GRANTED],
  ["userGet", { name: "p\ufffd" }, GRANTED],
  ["roleGet", { role: "\udce2\udc82" }, GRANTED],
  ["authenticate", { name: REHASHED, password: "p\udce5s" }],
  ["authenticate", { name: REHASHED, password: "p\ufffds" }],
  ["authenticate", { name: REHASHED, password: "p\udce4s" }],
  ["userGet", { name: REHASHED }, REHASHED],
  ["authenticate", { name: DELETED, password: BYTE_PASSWORD }],
];

test("names and passwords are bytes: what is no UTF-8 is told apart, kept and signs in", async () => {
  const refusals = new Map<string, number>();
  for (const [at, [key, request, caller]] of BYTE_STEPS.entries()) {
    const method = AuthDefinition.methods[key];
    const step = { service: AuthDefinition.fullName, method, request, caller };
    const [mine, real] = await Promise.all([take(ours, step), take(theirs, step)]);
    const label = `#${at} ${key} ${JSON.stringify(request)}`;
    expect(normalForm(method.name, mine as never), label).toBe(
      normalForm(method.name, real as never),
    );
    const text = "text" in real ? real.text : "";
    refusals.set(text, (refusals.get(text) ?? 0) + 1);
  }
  expect(refusals.get(REFUSED)).toBe(OTHER_PASSWORDS.length + 3);
  for (const side of [ours, theirs]) {
    // As bytes on the wire, whatever decodes them here.
    const decode = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
    const list = { ...AuthDefinition.methods.userList, responseType: { decode } };
    const answer = await side.caller.grpc({
      service: AuthDefinition.fullName,
      method: list,
      request: {},
      token: await rootToken(side),
      deadlineMs: DEADLINE_MS,
    });
    expect(answer).toMatchObject({
      answer: expect.stringContaining(
        "\x12\x02p\xe4\x12\x04p\xef\xbf\xbd\x12\x04root\x12\x02\xe2\x82\x12",
      ),
    });
  }
});

test("over JSON and in the log such names are what Go makes of them", async () => {
  const lists = ["user", "role"].map((kind) => [`/v3/auth/${kind}/list`, "{}"] as const);
  const requests: readonly (readonly [path: string, body: string | Buffer])[] = [
    ...lists,
    ["/v3/auth/user/get", '{"name":"p\ufffd"}'],
    ["/v3/auth/user/get", Buffer.from('{"name":"p\xe4"}', "latin1")],
    ["/v3/auth/user/get", '{"name":"p\\udce4 and more"}'],
    ["/v3/auth/user/delete", '{"name":"p\ufffd"}'],
    ...lists,
    ["/v3/auth/authenticate", '{"name":"p\ufffd","password":"p\ufffdss"}'],
  ];
  const furnishing: readonly (readonly [AuthMethod, object])[] = [
    ["userAdd", { name: "p\udce4", password: BYTE_PASSWORD }],
    ["roleAdd", { name: "\udce2\udc82" }],
    ["userGrantRole", { user: "p\udce4", role: "\udce2\udc82" }],
    ["userAdd", { name: "root", password: "pw" }],
    ["userGrantRole", { user: "root", role: "root" }],
  ];
  const signIns = ["p\udce4", "\udce4\udce5\udce2\udc82"];
  const seen = await Promise.all(
    [ours, theirs].map(async (side) => {
      const call = (key: AuthMethod, request: object) =>
        take(side, {
          service: AuthDefinition.fullName,
          method: AuthDefinition.methods[key],
          request,
          caller: undefined,
        });
      for (const [key, request] of furnishing) await call(key, request);
      const answers = [];
      for (const [path, body] of requests) {
        const answer = await ask(side.cluster.member(0).clientUrl, { path, body });
        answers.push([path, body.toString(), answerForm(answer)]);
      }
      await call("authEnable", {});
      for (const name of signIns) await call("authenticate", { name, password: "p\ufffdss" });
      const member = side.cluster.member(0);
      await member.wrote(/"user":"(\\ufffd|\ufffd){4}"/);
      return { answers, lines: namedLines(member.output) };
    }),
  );
  const [mine, real] = seen;
  expect(mine).toEqual(real);
  expect(real?.lines).toContainEqual(
    expect.objectContaining({ msg: "invalid password", "user-name": "p\ufffd" }),
  );
  expect(real?.lines.at(-1)).toMatchObject({ user: "\ufffd\ufffd\ufffd\ufffd" });
});

async function rootToken({ caller }: Side): Promise<string> {
  const { authenticate } = AuthDefinition.methods;
  const request = { name: "root", password: "pw" };
  const asked = { service: AuthDefinition.fullName, method: authenticate, request };
  const outcome = await caller.grpc({ ...asked, token: undefined, deadlineMs: DEADLINE_MS });
  if ("text" in outcome) throw new Error(outcome.text);
  return (outcome.answer as { token: string }).token;
}

/** What a member wrote of users and roles. */
function namedLines(output: string): readonly Readonly<Record<string, unknown>>[] {
  return output
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => "user" in line || "user-name" in line || "role-name" in line)
    .map(({ ts: _ts, caller: _caller, ...line }) => line);
}
