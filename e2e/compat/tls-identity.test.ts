import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CertificateAuthority, type IssuedCertificate } from "../harness/certificates.ts";
import { etcdctl, type Make } from "../harness/member-process.ts";
import { SecureMember, secureCurl, secureEtcdctl } from "../harness/secure-member.ts";
import { ETCD_35 } from "../harness/tools.ts";

// Users who are known by their certificates alone: who a client is, and what it may, must be the
// same with a member of ours and with real etcd.

const MAKES: readonly Make[] = ["etcd-3.5", "quorate"];
const ROOT = "--user=root:secret";

let folder: string;
let authority: string;
let alice: IssuedCertificate;
let stranger: IssuedCertificate;
const members = new Map<Make, SecureMember>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-certificates-"));
  const own = await CertificateAuthority.create(folder, "own");
  authority = own.file;
  const server = await own.issue("server", { commonName: "member", ips: ["127.0.0.1"] });
  alice = await own.issue("alice", { commonName: "alice", uses: ["client"] });
  stranger = await own.issue("stranger", { commonName: "stranger", uses: ["client"] });
  const flags = ["", "peer-"].flatMap((side) => [
    `--${side}cert-file=${server.cert}`,
    `--${side}key-file=${server.key}`,
    `--${side}trusted-ca-file=${authority}`,
  ]);
  await Promise.all(
    MAKES.map(async (make) => {
      const member = await SecureMember.start(make, [...flags, "--client-cert-auth"]);
      members.set(make, member);
      for (const args of [
        ["user", "add", "root:secret"],
        ["user", "grant-role", "root", "root"],
        ["role", "add", "reader"],
        ["role", "grant-permission", "reader", "read", "a"],
        ["user", "add", "alice", "--no-password"],
        ["user", "grant-role", "alice", "reader"],
        ["put", "a", "value"],
        ["auth", "enable"],
      ]) {
        const { code, stderr } = await etcdctl(ETCD_35, member.process.clientUrl, args);
        if (code !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
      }
    }),
  );
});

afterAll(async () => {
  await Promise.all([...members.values()].map((member) => member.stop()));
  rmSync(folder, { recursive: true });
});

/** What `ask` finds at each make. */
async function compare<T>(
  ask: (member: SecureMember) => Promise<T>,
): Promise<{ ours: T; etcds: T }> {
  const [etcds, ours] = await Promise.all(
    MAKES.map((make) => ask(members.get(make) as SecureMember)),
  );
  return { ours: ours as T, etcds: etcds as T };
}

/** Exit code, output, and the last line of what went wrong. */
async function asked(
  member: SecureMember,
  certificate: IssuedCertificate,
  args: readonly string[],
) {
  const material = { authority, certificate };
  const found = await secureEtcdctl(ETCD_35, member.secureUrl, material, args);
  return [found.code, found.stdout, found.stderr.trim().split("\n").at(-1)];
}

const QUESTIONS: readonly (readonly string[])[] = [
  ["get", "a"],
  ["get", "b"],
  ["get", "a", "b"],
  ["put", "a", "other"],
  ["del", "a"],
  ["user", "list"],
  ["user", "get", "alice"],
  ["role", "get", "reader"],
  ["member", "list", "--write-out=fields"],
  ["lease", "grant", "60", "--write-out=fields"],
];

/** Ids are the members' own. */
const withoutIds = (text: unknown) =>
  String(text).replace(/\b(\d{12,20}|[0-9a-f]{15,16}|127\.0\.0\.1:\d+)\b/g, "ID");

test.for(QUESTIONS.map((args) => [args.join(" "), args] as const))(
  "a user by certificate asks: %s",
  async ([, args]) => {
    for (const certificate of [alice, stranger]) {
      const { ours, etcds } = await compare((member) => asked(member, certificate, args));
      expect(ours.map(withoutIds)).toEqual(etcds.map(withoutIds));
    }
  },
);

test("what a certificate grants is what its user may, and nothing to nobody", async () => {
  const member = members.get("quorate") as SecureMember;
  expect(await asked(member, alice, ["get", "a"])).toEqual([0, "a\nvalue\n", ""]);
  expect((await asked(member, alice, ["put", "a", "x"]))[2]).toContain("permission denied");
  expect((await asked(member, stranger, ["get", "a"]))[2]).toContain("permission denied");
});

test("a password says more than a certificate", async () => {
  const { ours, etcds } = await compare((member) => asked(member, alice, [ROOT, "put", "b", "x"]));
  expect(ours).toEqual(etcds);
  expect(ours).toEqual([0, "OK\n", ""]);
});

test("where no certificate is shown nobody is anybody", async () => {
  const { ours, etcds } = await compare(async ({ process }) => {
    const { code, stderr } = await etcdctl(ETCD_35, process.clientUrl, ["get", "a"]);
    return [code, stderr.trim().split("\n").at(-1)];
  });
  expect(ours).toEqual(etcds);
  expect(ours).toEqual([1, "Error: etcdserver: user name is empty"]);
});

test.for(["--http1.1", "--http2"])(
  "over JSON a certificate's name is refused: %s",
  async (version) => {
    for (const path of ["/v3/kv/range", "/health", "/version"]) {
      const post = path.startsWith("/v3") ? ["--data", '{"key":"YQ=="}'] : [];
      const { ours, etcds } = await compare(({ secureUrl }) =>
        secureCurl(`${secureUrl}${path}`, { authority, certificate: alice }, [version, ...post]),
      );
      expect(ours.stdout).toBe(etcds.stdout);
      if (path.startsWith("/v3")) expect(ours.stdout).toContain("CommonName of client");
    }
  },
);
