import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AuthDefinition, KVDefinition, LeaseDefinition } from "../../server/proto/gen/rpc.ts";
import { CertificateAuthority, type CertificateFiles } from "../harness/certificates.ts";
import {
  ClusterProcess,
  type CommandResult,
  etcdctl,
  type Make,
} from "../harness/member-process.ts";
import { RawCaller, type RawMethod, type RawOutcome } from "../harness/raw-caller.ts";
import { SecureMember, secureCurl, secureEtcdctl } from "../harness/secure-member.ts";
import { ETCD_35 } from "../harness/tools.ts";

// Who a caller is when no simple token says so: the name in his certificate, or a signed token.
// Everything is asked of a member of ours and of real etcd.

const MAKES: readonly Make[] = ["etcd-3.5", "quorate"];
const FURNISHING: readonly (readonly string[])[] = [
  ["user", "add", "root:pw"],
  ["user", "add", "alice", "--no-password"],
  ["role", "add", "r"],
  ["role", "grant-permission", "r", "readwrite", "/a/", "/b"],
  ["user", "grant-role", "alice", "r"],
  ["user", "grant-role", "root", "root"],
  ["put", "/secret", "1"],
  ["auth", "enable"],
];

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-identity-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function furnish(url: string): Promise<void> {
  for (const args of FURNISHING) {
    const result = await etcdctl(ETCD_35, url, args);
    expect(result, args.join(" ")).toMatchObject({ code: 0 });
  }
}

function shown({ code, stdout, stderr }: CommandResult): unknown {
  return { code, stdout, stderr: stderr.replace(/^\{.*\n/gm, "") };
}

describe("the name in a client's certificate", () => {
  const members = new Map<Make, SecureMember>();
  let authority: CertificateAuthority;
  const certificates = new Map<string, CertificateFiles>();

  beforeAll(async () => {
    authority = await CertificateAuthority.create(folder, "own");
    for (const commonName of ["root", "alice", "unknown"]) {
      const issued = await authority.issue(commonName, { commonName, uses: ["client"] });
      certificates.set(commonName, issued);
    }
    const server = await authority.issue("server", { commonName: "member", ips: ["127.0.0.1"] });
    const flags = [
      "--bcrypt-cost=4",
      `--cert-file=${server.cert}`,
      `--key-file=${server.key}`,
      `--trusted-ca-file=${authority.file}`,
      "--client-cert-auth",
      `--peer-cert-file=${server.cert}`,
      `--peer-key-file=${server.key}`,
      `--peer-trusted-ca-file=${authority.file}`,
    ];
    await Promise.all(
      MAKES.map(async (make) => {
        const member = await SecureMember.start(make, flags);
        members.set(make, member);
        await furnish(member.process.clientUrl);
      }),
    );
  });

  afterAll(async () => {
    await Promise.all([...members.values()].map((member) => member.stop()));
  });

  const urlOf = (make: Make) => members.get(make)?.secureUrl ?? "";
  const material = (name: string) => ({
    authority: authority.file,
    certificate: certificates.get(name),
  });

  test.each([
    ["alice", ["put", "/a/1", "x"]],
    ["alice", ["get", "/a/1"]],
    ["alice", ["get", "/secret"]],
    ["alice", ["user", "list"]],
    ["alice", ["user", "get", "alice"]],
    ["root", ["get", "/secret"]],
    ["root", ["user", "list"]],
    ["unknown", ["get", "/a/1"]],
    ["unknown", ["user", "list"]],
    ["alice", ["--user=root:pw", "get", "/secret"]],
  ] as const)("%s: %j", async (name, args) => {
    const [theirs, ours] = await Promise.all(
      MAKES.map((make) => secureEtcdctl(ETCD_35, urlOf(make), material(name), args)),
    );
    expect(shown(ours as CommandResult)).toEqual(shown(theirs as CommandResult));
  });

  test("is no identity for the JSON gateway, which refuses it", async () => {
    const body = JSON.stringify({ key: Buffer.from("/secret").toString("base64") });
    const [theirs, ours] = await Promise.all(
      MAKES.map((make) =>
        secureCurl(`${urlOf(make)}/v3/kv/range`, material("root"), ["--data", body]),
      ),
    );
    expect(ours).toEqual(theirs);
    expect(ours?.stdout).toContain("CommonName of client sending a request against gateway");
  });

  test("counts only where a certificate was shown", async () => {
    for (const make of MAKES) {
      const plain = members.get(make)?.process.clientUrl ?? "";
      const answer = await etcdctl(ETCD_35, plain, ["get", "/a/1"]);
      expect(answer.stderr).toContain("user name is empty");
    }
  });
});

describe("a signed token", () => {
  let clusters: readonly ClusterProcess[] = [];
  let callers: readonly RawCaller[] = [];

  beforeAll(async () => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const files = { pub: join(folder, "jwt.pub"), priv: join(folder, "jwt.key") };
    writeFileSync(files.pub, publicKey.export({ type: "spki", format: "pem" }));
    writeFileSync(files.priv, privateKey.export({ type: "pkcs1", format: "pem" }));
    const option = `jwt,sign-method=RS256,pub-key=${files.pub},priv-key=${files.priv},ttl=10m`;
    const flags = ["--bcrypt-cost=4", `--auth-token=${option}`];
    clusters = await Promise.all(
      MAKES.map((make) => ClusterProcess.start({ make, size: 1, flags })),
    );
    const urls = clusters.map((cluster) => cluster.member(0).clientUrl);
    callers = urls.map((url) => new RawCaller(url));
    for (const url of urls) await furnish(url);
  });

  afterAll(async () => {
    for (const caller of callers) caller.close();
    for (const cluster of clusters) await cluster.stop();
  });

  function call(
    caller: RawCaller,
    { fullName: service }: { readonly fullName: string },
    method: RawMethod,
    request: object,
    token?: string,
  ): Promise<RawOutcome> {
    return caller.grpc({ service, method, request, token, deadlineMs: 20_000 });
  }

  const { authenticate, authStatus, roleAdd, roleDelete, userChangePassword } =
    AuthDefinition.methods;
  const { put, range } = KVDefinition.methods;
  const { leaseGrant, leaseRevoke, leaseTimeToLive } = LeaseDefinition.methods;
  const OLD = { status: 3, text: "etcdserver: revision of auth store is old" };

  async function tokenOf(caller: RawCaller): Promise<string> {
    const root = { name: "root", password: "pw" };
    const signed = await call(caller, AuthDefinition, authenticate, root);
    if ("text" in signed) throw new Error(signed.text);
    return (signed.answer as { token: string }).token;
  }

  test("of a member of either make is good at the other", async () => {
    for (const home of callers) {
      const token = await tokenOf(home);
      for (const caller of callers) {
        expect(await call(caller, AuthDefinition, authStatus, {}, token)).toMatchObject({
          answer: { enabled: true },
        });
        const forged = `${token.slice(0, -6)}AAAAAA`;
        const secret = { key: Buffer.from("/secret") };
        expect(await call(caller, KVDefinition, range, secret, forged)).toEqual({
          status: 16,
          text: "etcdserver: invalid auth token",
        });
        // Its revision is older than the next change.
        const name = `of ${token.length}`;
        await call(caller, AuthDefinition, roleAdd, { name }, token);
        expect(await call(caller, KVDefinition, range, secret, token)).toEqual(OLD);
        await call(caller, AuthDefinition, roleDelete, { role: name }, token);
      }
    }
  });

  test("is good behind `Bearer `, which it is to etcd from the last releases of 3.5 on", async () => {
    const invalid = { status: 16, text: "etcdserver: invalid auth token" };
    const outcomes = callers.map(async (caller) => {
      const token = `Bearer ${await tokenOf(caller)}`;
      return call(caller, AuthDefinition, authStatus, {}, token);
    });
    expect(await Promise.all(outcomes)).toEqual([
      invalid,
      { answer: expect.objectContaining({ enabled: true }) },
    ]);
  });

  test("from before a change of his password tells not even root a lease's keys", async () => {
    for (const caller of callers) {
      const token = await tokenOf(caller);
      const key = Buffer.from("/leased");
      for (const ID of [71n, 72n]) {
        await call(caller, LeaseDefinition, leaseGrant, { ID, TTL: 600 }, token);
      }
      await call(caller, KVDefinition, put, { key, lease: 71n }, token);
      const timeToLive = (request: object) =>
        call(caller, LeaseDefinition, leaseTimeToLive, request, token);
      const full = { ID: 71n, keys: true };
      expect(await timeToLive(full)).toMatchObject({ answer: { keys: [key] } });
      const change = { name: "root", password: "pw" };
      await call(caller, AuthDefinition, userChangePassword, change, token);
      expect(await timeToLive(full)).toEqual(OLD);
      // Where there is nothing to tell, and where nothing is read, root is root.
      expect(await timeToLive({ ID: 71n })).toMatchObject({ answer: { grantedTTL: 600 } });
      expect(await timeToLive({ ID: 72n, keys: true })).toMatchObject({ answer: { keys: [] } });
      const revoked = await call(caller, LeaseDefinition, leaseRevoke, { ID: 71n }, token);
      expect(revoked).toHaveProperty("answer");
    }
  });
});
