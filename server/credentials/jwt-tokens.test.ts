import { createHmac, generateKeyPairSync, type KeyPairKeyObjectResult } from "node:crypto";
import { SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { BackgroundClock } from "../base/clock.ts";
import { SILENT_LOG } from "../base/log.ts";
import { jwtKeys } from "./jwt-keys.ts";
import { JwtTokens, VERIFIED_MAX } from "./jwt-tokens.ts";
import { parseTokenOptions } from "./token-options.ts";

interface Pem {
  readonly publicKey: Buffer;
  readonly privateKey: Buffer;
}

function pemOf({ publicKey, privateKey }: KeyPairKeyObjectResult): Pem {
  return {
    publicKey: Buffer.from(publicKey.export({ type: "spki", format: "pem" })),
    privateKey: Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" })),
  };
}

const rsa = pemOf(generateKeyPairSync("rsa", { modulusLength: 2048 }));
const otherRsa = pemOf(generateKeyPairSync("rsa", { modulusLength: 2048 }));
const shortRsa = pemOf(generateKeyPairSync("rsa", { modulusLength: 1024 }));
const curve = (namedCurve: string) => pemOf(generateKeyPairSync("ec", { namedCurve }));
const p256 = curve("P-256");
const p384 = curve("P-384");
const p521 = curve("P-521");
const ed25519 = pemOf(generateKeyPairSync("ed25519"));
const secret = Buffer.from("a shared secret of no particular length");

const clock = new BackgroundClock();

function tokensOf(method: string, pem: Partial<Pem>, ttlMs = 60_000): JwtTokens {
  const keys = jwtKeys(method, pem.publicKey, pem.privateKey);
  return new JwtTokens({ keys, ttlMs, clock, log: SILENT_LOG });
}

test.each([
  ["HS256", { privateKey: secret }],
  ["HS384", { privateKey: secret }],
  ["HS512", { privateKey: secret }],
  ["RS256", rsa],
  ["RS384", rsa],
  ["RS512", { privateKey: rsa.privateKey }],
  ["PS256", rsa],
  ["PS384", rsa],
  ["PS512", rsa],
  ["ES256", p256],
  ["ES384", p384],
  ["ES512", p521],
  ["EdDSA", ed25519],
] as const)("%s: who signs in is known by the token, again and again", async (method, pem) => {
  const tokens = tokensOf(method, pem);
  const token = await tokens.issue("alice", 12);
  const identity = { username: "alice", authRevision: 12 };
  expect(await tokens.holder(token)).toEqual(identity);
  // The second time without verifying.
  expect(tokens.holder(token)).toEqual(identity);
  const header = JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString());
  expect(header).toEqual({ alg: method, typ: "JWT" });
  const payload = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  expect(payload).toEqual({ username: "alice", revision: 12, exp: expect.any(Number) });
});

test("whoever has only the public key verifies and cannot sign", async () => {
  const tokens = tokensOf("RS256", { publicKey: rsa.publicKey });
  const token = await tokensOf("RS256", rsa).issue("alice", 3);
  expect(await tokens.holder(token)).toEqual({ username: "alice", authRevision: 3 });
  await expect(tokens.issue("alice", 3)).rejects.toThrow(
    "auth: token signing attempted with verify-only key",
  );
});

test("no token names a user by bytes that are no UTF-8", async () => {
  const tokens = tokensOf("HS256", { privateKey: secret });
  const token = await tokens.issue("p\udce4", 3);
  const payload = Buffer.from(token.split(".")[1] ?? "", "base64url").toString();
  expect(payload).toContain('"p\ufffd"');
  const spelled = await new SignJWT({ username: "p\udce4", revision: 3 })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .sign(secret);
  expect(Buffer.from(spelled.split(".")[1] ?? "", "base64url").toString()).toContain("\\udce4");
  for (const each of [token, spelled]) {
    for (const time of ["first", "second"]) {
      expect(await tokens.holder(each), time).toEqual({ username: "p\ufffd", authRevision: 3 });
    }
  }
});

describe("is nobody's:", () => {
  const tokens = tokensOf("RS256", rsa);
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { username: "root", revision: 1, exp: 4_000_000_000 };
  const signed = (payload: Record<string, unknown>) =>
    new SignJWT(payload)
      .setProtectedHeader({ alg: "RS256", typ: "JWT" })
      .sign(jwtKeys("RS256", undefined, rsa.privateKey).signing as never);

  test.each([
    ["nothing", ""],
    ["no token", "a.b.c"],
    ["a simple token", "abcdefghijklmnop.5"],
    ["no signature at all", `${part({ alg: "none" })}.${part(claims)}.`],
    ["a huge one", `${part({ alg: "RS256" })}.${"A".repeat(50_000)}.x`],
  ])("%s", async (_name, token) => {
    expect(await tokens.holder(token)).toBeUndefined();
  });

  test("the public key used as a shared secret", async () => {
    const body = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
    const signature = createHmac("sha256", rsa.publicKey).update(body).digest("base64url");
    expect(await tokens.holder(`${body}.${signature}`)).toBeUndefined();
  });

  test("another's key, another method of the same key", async () => {
    expect(await tokens.holder(await tokensOf("RS256", otherRsa).issue("root", 1))).toBeUndefined();
    expect(await tokens.holder(await tokensOf("PS256", rsa).issue("root", 1))).toBeUndefined();
  });

  test.each([
    [{ revision: 1 }],
    [{ username: 5, revision: 1 }],
    [{ username: "root" }],
    [{ username: "root", revision: "1" }],
    [{ username: "root", revision: -1 }],
    [{ username: "root", revision: 1, exp: 5 }],
    [{ username: "root", revision: 1, nbf: 4_000_000_000 }],
  ])("well signed, but %j", async (payload) => {
    expect(await tokens.holder(await signed(payload))).toBeUndefined();
  });

  test("a token behind its time, also one that was good before", async () => {
    const brief = tokensOf("RS256", rsa, -2000);
    expect(await brief.holder(await brief.issue("alice", 1))).toBeUndefined();
    let nowMs = 1_000_000;
    const stopped = Object.assign(new BackgroundClock(), { now: () => nowMs });
    const keys = jwtKeys("RS256", undefined, rsa.privateKey);
    const aging = new JwtTokens({ keys, ttlMs: 60_000, clock: stopped, log: SILENT_LOG });
    const token = await aging.issue("alice", 1);
    expect(await aging.holder(token)).toBeDefined();
    nowMs += 61_000;
    expect(await aging.holder(token)).toBeUndefined();
  });
});

test.each([
  ["a blank behind it", (token: string) => `${token} `],
  ["a line's end behind it", (token: string) => `${token}\n`],
  ["a blank in its signature", (token: string) => `${token.slice(0, -9)} ${token.slice(-9)}`],
  ["padding", (token: string) => `${token}==`],
  ["a fourth part", (token: string) => `${token}.`],
])("a good token with %s is another, and nobody's", async (_name, spelled) => {
  const tokens = tokensOf("RS256", rsa);
  const token = await tokens.issue("alice", 1);
  expect(await tokens.holder(token)).toBeDefined();
  expect(await tokens.holder(spelled(token))).toBeUndefined();
  expect(tokens.verifiedCount).toBe(1);
});

describe("what is known of good tokens", () => {
  test("is forgotten when they are behind their time, also where nobody shows them", async () => {
    let nowMs = 1_000_000;
    let sweep = () => {};
    const driven = Object.assign(new BackgroundClock(), {
      now: () => nowMs,
      every: (_periodMs: number, callback: () => void) => {
        sweep = callback;
        return () => {};
      },
    });
    const keys = jwtKeys("HS256", undefined, secret);
    const options = { keys, clock: driven, log: SILENT_LOG };
    const brief = new JwtTokens({ ...options, ttlMs: 30_000 });
    const long = new JwtTokens({ ...options, ttlMs: 90_000 });
    const tokens = new JwtTokens({ ...options, ttlMs: 0 });
    await tokens.holder(await long.issue("alice", 1));
    await tokens.holder(await brief.issue("alice", 1));
    nowMs += 29_000;
    sweep();
    expect(tokens.verifiedCount).toBe(2);
    nowMs += 1_000;
    sweep();
    expect(tokens.verifiedCount).toBe(1);
  });

  test("has a limit, and who had to make room is good all the same", async () => {
    const tokens = tokensOf("HS256", { privateKey: secret });
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = (revision: number) => {
      const body = `${part({ alg: "HS256" })}.${part({ username: "alice", revision })}`;
      return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
    };
    const shown = Array.from({ length: VERIFIED_MAX + 10 }, (_, revision) => signed(revision));
    const first = shown[0] ?? "";
    await tokens.holder(first);
    await Promise.all(shown.map(async (token) => tokens.holder(token)));
    expect(tokens.verifiedCount).toBe(VERIFIED_MAX);
    expect(tokens.holder(first)).toBeInstanceOf(Promise);
    expect(await tokens.holder(first)).toEqual({ username: "alice", authRevision: 0 });
  });
});

describe("--auth-token", () => {
  const jwt = "jwt,sign-method=HS256,priv-key=k";

  test("names a kind, and for JWT its keys and time", () => {
    expect(parseTokenOptions("")).toEqual({ kind: "none" });
    expect(parseTokenOptions("simple,a=b")).toEqual({ kind: "simple" });
    expect(parseTokenOptions(`${jwt},pub-key=p,ttl=1h30m,x=y`)).toEqual({
      kind: "jwt",
      signMethod: "HS256",
      publicKeyFile: "p",
      privateKeyFile: "k",
      ttlMs: 5_400_000,
      unknownKeys: ["x"],
    });
    expect(parseTokenOptions(jwt)).toMatchObject({ ttlMs: 300_000 });
  });

  test.each(["simple,a", "simple,a=b,a=c", "simple,a=b=c", "other", `${jwt},ttl=5`])(
    "%s is refused",
    (text) => {
      expect(() => parseTokenOptions(text)).toThrow("auth: invalid auth options");
    },
  );

  test.each([
    ["HS256", undefined, undefined, "auth: missing key data"],
    ["HS256", secret, Buffer.alloc(0), "auth: missing key data"],
    ["ES256", undefined, undefined, "auth: missing key data"],
    ["none", undefined, secret, "unsupported signing method: *jwt.signingMethodNone"],
    ["toString", undefined, secret, "auth: invalid auth options"],
    ["RS256", undefined, secret, "invalid key"],
    ["RS256", undefined, p256.privateKey, "key is not a valid RSA private key"],
    ["ES256", undefined, p384.privateKey, "key is not a valid ECDSA private key"],
    [
      "PS256",
      undefined,
      shortRsa.privateKey,
      "RSA private key has 1024 bits, and tokens need 2048",
    ],
    ["RS256", shortRsa.publicKey, undefined, "RSA public key has 1024 bits, and tokens need 2048"],
    ["RS256", otherRsa.publicKey, rsa.privateKey, "public and private keys don't match"],
  ] as const)("%s with keys that do not fit: %#", (method, publicKey, privateKey, text) => {
    expect(() => jwtKeys(method, publicKey, privateKey)).toThrow(text);
  });
});
