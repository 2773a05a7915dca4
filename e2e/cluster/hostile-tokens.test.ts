import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SeededRandom } from "../../server/base/random.ts";
import { AuthDefinition, KVDefinition } from "../../server/proto/gen/rpc.ts";
import { ClusterProcess, etcdctl, type Make } from "../harness/member-process.ts";
import { Ordeal } from "../harness/ordeal.ts";
import { RawCaller, type RawMethod, type RawOutcome } from "../harness/raw-caller.ts";
import { ETCD_35 } from "../harness/tools.ts";

// Tokens that no member gave out, each shown to a member of ours and to real etcd: both refuse it
// with the same words, nobody is let in, and nobody else waits.

const MAKES: readonly Make[] = ["etcd-3.5", "quorate"];
const SEED = 20_265;
const DEADLINE_MS = 15_000;
const FURNISHING: readonly (readonly string[])[] = [
  ["user", "add", "root:pw"],
  ["user", "grant-role", "root", "root"],
  ["put", "/secret", "1"],
  ["auth", "enable"],
];

let folder: string;
let publicPem: Buffer;
let privateKey: KeyObject;
const otherKey = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
let clusters: readonly ClusterProcess[] = [];
let callers: readonly RawCaller[] = [];
let ordeal: Ordeal;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-tokens-"));
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  privateKey = pair.privateKey;
  publicPem = Buffer.from(pair.publicKey.export({ type: "spki", format: "pem" }));
  const files = { pub: join(folder, "jwt.pub"), priv: join(folder, "jwt.key") };
  writeFileSync(files.pub, publicPem);
  writeFileSync(files.priv, privateKey.export({ type: "pkcs1", format: "pem" }));
  const option = `jwt,sign-method=RS256,pub-key=${files.pub},priv-key=${files.priv},ttl=10m`;
  const flags = ["--bcrypt-cost=4", `--auth-token=${option}`];
  clusters = await Promise.all(MAKES.map((make) => ClusterProcess.start({ make, size: 1, flags })));
  callers = clusters.map((cluster) => new RawCaller(cluster.member(0).clientUrl));
  for (const cluster of clusters) await furnish(cluster.member(0).clientUrl);
  const [, ours] = callers as [RawCaller, RawCaller];
  ordeal = await trial(clusters[1] as ClusterProcess, ours);
});

async function trial(cluster: ClusterProcess, caller: RawCaller): Promise<Ordeal> {
  const member = cluster.member(0);
  return Ordeal.begin(member, [`${member.clientUrl}/health`], await tokenOf(caller));
}

afterAll(async () => {
  ordeal?.close();
  for (const caller of callers) caller.close();
  for (const cluster of clusters) await cluster.stop();
  rmSync(folder, { recursive: true });
});

async function furnish(url: string): Promise<void> {
  for (const args of FURNISHING) {
    const result = await etcdctl(ETCD_35, url, args);
    expect(result, args.join(" ")).toMatchObject({ code: 0 });
  }
}

const text = (value: unknown) => JSON.stringify(value);
const encoded = (json: string) => Buffer.from(json).toString("base64url");
const part = (value: unknown) => encoded(text(value));

/** As a member signs, but for what is said. */
function signed(claims: unknown, header: unknown = { alg: "RS256", typ: "JWT" }, key = privateKey) {
  const body = `${part(header)}.${typeof claims === "string" ? claims : part(claims)}`;
  return `${body}.${sign("sha256", Buffer.from(body), key).toString("base64url")}`;
}

const LATER = 4_000_000_000;
const CLAIMS = { username: "root", revision: 1, exp: LATER };

const TOKENS: readonly (readonly [name: string, token: () => string])[] = [
  ["of three words", () => "a.b.c"],
  ["of dots", () => "....."],
  ["as simple ones are", () => "abcdefghijklmnop.5"],
  ["without a signature", () => `${part({ alg: "none" })}.${part(CLAIMS)}.`],
  ["without a signature, in capitals", () => `${part({ alg: "NONE" })}.${part(CLAIMS)}.`],
  ["of no algorithm, but signed", () => signed(CLAIMS, { alg: "none" })],
  ["that says nothing of its algorithm", () => signed(CLAIMS, {})],
  ["of another algorithm of the same key", () => signed(CLAIMS, { alg: "RS512" })],
  [
    "signed with the public key as a secret",
    () => {
      const body = `${part({ alg: "HS256" })}.${part(CLAIMS)}`;
      return `${body}.${createHmac("sha256", publicPem).update(body).digest("base64url")}`;
    },
  ],
  ["of another key", () => signed(CLAIMS, { alg: "RS256" }, otherKey)],
  [
    "that brings its key along",
    () => signed(CLAIMS, { alg: "RS256", jku: "http://127.0.0.1:1/" }, otherKey),
  ],
  ["of nobody", () => signed({ revision: 1, exp: LATER })],
  ["of a user who is a number", () => signed({ ...CLAIMS, username: 5 })],
  ["of no revision", () => signed({ username: "root", exp: LATER })],
  ["of a revision in letters", () => signed({ ...CLAIMS, revision: "1" })],
  ["of yesterday", () => signed({ ...CLAIMS, exp: 1 })],
  ["of the day after tomorrow", () => signed({ ...CLAIMS, nbf: LATER })],
  ["given out tomorrow", () => signed({ ...CLAIMS, iat: LATER })],
  ["of an end that is beyond all time", () => signed({ ...CLAIMS, exp: 1e30 })],
  ["of an end in letters", () => signed({ ...CLAIMS, exp: String(LATER) })],
  ["of a list", () => signed([CLAIMS])],
  ["with padding", () => `${signed(CLAIMS)}==`],
  ["with a blank in its signature", () => signed(CLAIMS).replace(/(?=.{9}$)/, " ")],
  ["with a byte order mark before its claims", () => signed(encoded(`\ufeff${text(CLAIMS)}`))],
  ["with padding of its claims", () => signed(`${encoded(`${text(CLAIMS)} `)}=`)],
  ["of no JSON", () => signed(encoded("{"))],
  ["of JSON that is deep", () => signed(encoded(`{"a":${"[".repeat(5_000)}`))],
  ["of prototypes", () => signed(encoded('{"__proto__":{"username":"root","revision":1}}'))],
  ["of sixteen kilobytes", () => signed({ ...CLAIMS, more: "x".repeat(12_000), username: 1 })],
  ["of sixty kilobytes", () => `a.${"b".repeat(60_000)}.c`],
];

const { range } = KVDefinition.methods;
const SECRET = { key: Buffer.from("/secret") };

function read(caller: RawCaller, token: string): Promise<RawOutcome> {
  const method: RawMethod = range;
  const call = { service: KVDefinition.fullName, method, request: SECRET, deadlineMs: DEADLINE_MS };
  return caller.grpc({ ...call, token });
}

test.each(TOKENS)("one %s is refused in etcd's words", async (_name, token) => {
  const shown = token();
  await ordeal.during(async () => {
    const [theirs, ours] = await Promise.all(callers.map((caller) => read(caller, shown)));
    expect(ours).toEqual(theirs);
    expect(ours).not.toHaveProperty("answer");
    expect(ours).toHaveProperty("text");
  });
});

/** Of the auth store, as both members' tokens have it. */
async function authRevision(): Promise<number> {
  const [, ours] = callers as [RawCaller, RawCaller];
  const claims = Buffer.from((await tokenOf(ours)).split(".")[1] ?? "", "base64url");
  return (JSON.parse(claims.toString()) as { revision: number }).revision;
}

test.each([
  ["without an end", { exp: undefined }, 0],
  ["of the end zero", { exp: 0 }, 0],
  ["of the end of all time", { exp: 9.2e18 }, 0],
  ["given out at the beginning of time", { iat: 0 }, 0],
  ["given out beyond all time", { iat: 1e30 }, 0],
  ["of a broken revision", {}, 0.5],
] as const)("one %s is good, as it is to etcd", async (_name, claims, more) => {
  const shown = signed({ ...CLAIMS, revision: (await authRevision()) + more, ...claims });
  const outcomes = await Promise.all(callers.map((caller) => read(caller, shown)));
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ answer: { kvs: [{ value: Buffer.from("1") }] } });
  }
});

/** A header that long is no matter of tokens any more. */
const JSON_HEADER_BYTES_MAX = 10_000;

test("all of them are refused in requests of JSON likewise", async () => {
  const method: RawMethod = range;
  const call = { service: "", method, request: SECRET, deadlineMs: DEADLINE_MS };
  await ordeal.during(async () => {
    for (const [name, make] of TOKENS) {
      const token = make();
      const [theirs, ours] = await Promise.all(
        callers.map((caller) => caller.json("/v3/kv/range", { ...call, token })),
      );
      expect(ours, name).toHaveProperty("status");
      if (token.length < JSON_HEADER_BYTES_MAX) expect(ours, name).toEqual(theirs);
    }
  });
});

function authenticate(caller: RawCaller): Promise<RawOutcome> {
  const { authenticate: method } = AuthDefinition.methods;
  const request = { name: "root", password: "pw" };
  const call = { service: AuthDefinition.fullName, method, request, deadlineMs: DEADLINE_MS };
  return caller.grpc({ ...call, token: undefined });
}

async function tokenOf(caller: RawCaller): Promise<string> {
  const outcome = await authenticate(caller);
  if (!("answer" in outcome)) throw new Error(outcome.text);
  return (outcome.answer as { token: string }).token;
}

/** One of its characters is another, is missing, or comes again. */
function mangled(random: SeededRandom, token: string): string {
  // The last character of each part may say nothing.
  const ends = token
    .split(".")
    .map((_, nth, parts) => parts.slice(0, nth + 1).join(".").length - 1);
  let at = random.below(token.length);
  while (ends.includes(at)) at = random.below(token.length);
  const other = token[at] === "A" ? "B" : "A";
  const middle = ["", other, `${token[at]}${token[at]}`][random.below(3)];
  return token.slice(0, at) + middle + token.slice(at + 1);
}

/** Good tokens that were changed a little. */
async function showMangled(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const [theirs, ours] = callers as [RawCaller, RawCaller];
  const token = await tokenOf(ours);
  const refused = await read(theirs, mangled(random, token));
  for (let round = 0; round < 20; round++) {
    const shown = Array.from({ length: 100 }, () => mangled(random, token));
    for (const outcome of await Promise.all(shown.map((each) => read(ours, each)))) {
      expect(outcome).toEqual(refused);
    }
  }
}

test("thousands of good tokens that were changed a little: none is good, nobody waits", async () => {
  await ordeal.during(() => showMangled(SEED));
});

test("when they are gone, so is what they took", async () => {
  const [, ours] = callers as [RawCaller, RawCaller];
  await ordeal.outlasts(async () => {
    await Promise.all(TOKENS.map(([, token]) => read(ours, token())));
    await showMangled(SEED);
  });
});

test("thousands of simple tokens that name entries to come: none is waited for or kept", async () => {
  const flags = ["--bcrypt-cost=4"];
  const cluster = await ClusterProcess.start({ make: "quorate", size: 1, flags });
  const caller = new RawCaller(cluster.member(0).clientUrl);
  const show = async () => {
    for (let round = 0; round < 20; round++) {
      const shown = Array.from({ length: 100 }, (_, at) => `abcdefghijklmnop.${10 ** (at % 20)}`);
      for (const outcome of await Promise.all(shown.map((each) => read(caller, each)))) {
        expect(outcome).toEqual({ status: 16, text: "etcdserver: invalid auth token" });
      }
    }
  };
  let simple: Ordeal | undefined;
  try {
    await furnish(cluster.member(0).clientUrl);
    simple = await trial(cluster, caller);
    await simple.during(show);
    await simple.outlasts(show);
  } finally {
    simple?.close();
    caller.close();
    await cluster.stop();
  }
});
