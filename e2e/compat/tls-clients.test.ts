import "reflect-metadata";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BasicConstraintsExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
} from "@peculiar/x509";
import { afterAll, beforeAll, describe, test } from "vitest";
import { ClusterObserver } from "../../lib/console/cluster-observer.ts";
import { EtcdClient } from "../../lib/etcd/client.ts";
import { ClusterError } from "../../lib/etcd/cluster-error.ts";
import { create } from "../../lib/etcd/kv.ts";
import {
  CertificateAuthority,
  type CertificateFiles,
  type IssuedCertificate,
} from "../harness/certificates.ts";
import type { Make } from "../harness/member-process.ts";
import { SecureMember, secureCurl, secureEtcdctl } from "../harness/secure-member.ts";
import { ETCD_34, ETCD_35 } from "../harness/tools.ts";

// Clients over TLS: the same certificates are shown to a member of ours and to real etcd, and each
// must fare the same with both.

const HOUR_MS = 3_600_000;
/** What a client of Go's is told in TLS 1.3. */
const REASONS: Readonly<Record<string, string>> = {
  none: "remote error: tls: certificate required",
  revoked: "error reading server preface: EOF",
  expired: "remote error: tls: expired certificate",
  "not yet valid": "remote error: tls: expired certificate",
  "for servers only": "remote error: tls: bad certificate",
  "of another authority": "remote error: tls: unknown certificate authority",
  "signed by SHA-1": "remote error: tls: unknown certificate authority",
  "of a client": "remote error: tls: unknown certificate authority",
  "of an authority that does not say so": "remote error: tls: unknown certificate authority",
  "of an authority that may not sign": "remote error: tls: unknown certificate authority",
  "of an authority too far below": "remote error: tls: bad certificate",
};
/** Remembers no members. */
const FORGETFUL = { load: () => undefined, save() {} };
const MAKES: readonly Make[] = ["etcd-3.5", "quorate"];

let folder: string;
let authority: string;
let shown: Readonly<Record<string, CertificateFiles | undefined>>;
const members = new Map<Make, SecureMember>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-certificates-"));
  const own = await CertificateAuthority.create(folder, "own");
  const other = await CertificateAuthority.create(folder, "other");
  authority = own.file;
  const client = (name: string, validMs?: [number, number]): Promise<IssuedCertificate> =>
    own.issue(name, { commonName: name, uses: ["client"], ...(validMs && { validMs }) });
  const below = async (name: string, ...issuers: readonly (readonly Extension[])[]) => {
    let issuer = own;
    for (const [at, says] of issuers.entries()) {
      issuer = await issuer.delegate(`${name}-${at}`, says);
    }
    return issuer.issue(name, { commonName: name, uses: ["client"] });
  };
  const isAuthority = new BasicConstraintsExtension(true, 0, true);
  const maySign = new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true);
  const mayNot = new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true);
  const revoked = await client("revoked");
  shown = {
    none: undefined,
    good: await client("good"),
    revoked,
    expired: await client("expired", [-2 * HOUR_MS, -HOUR_MS]),
    "not yet valid": await client("early", [HOUR_MS, 2 * HOUR_MS]),
    "for servers only": await own.issue("server-only", { commonName: "s", uses: ["server"] }),
    "of another authority": await other.issue("stranger", { commonName: "x", uses: ["client"] }),
    "of an authority below": await below("below", [isAuthority, maySign]),
    "signed by SHA-1": await own.issue("old", { commonName: "o", uses: ["client"], hash: "SHA-1" }),
    "of a client": await below("under-client", [mayNot]),
    "of an authority that does not say so": await below("unsaid", [maySign]),
    "of an authority that may not sign": await below("unsigned", [isAuthority, mayNot]),
    "of an authority too far below": await below(
      "deep",
      [isAuthority, maySign],
      [isAuthority, maySign],
    ),
  };
  const server = await own.issue("server", { commonName: "member", ips: ["127.0.0.1"] });
  const flags = [
    `--cert-file=${server.cert}`,
    `--key-file=${server.key}`,
    `--trusted-ca-file=${authority}`,
    "--client-cert-auth",
    `--client-crl-file=${await own.revoke("list", [revoked])}`,
    `--peer-cert-file=${server.cert}`,
    `--peer-key-file=${server.key}`,
    `--peer-trusted-ca-file=${authority}`,
  ];
  await Promise.all(
    MAKES.map(async (make) => members.set(make, await SecureMember.start(make, flags))),
  );
});

afterAll(async () => {
  await Promise.all([...members.values()].map((member) => member.stop()));
  rmSync(folder, { recursive: true });
});

/** What `ask` finds at each make. */
async function compare<T>(ask: (url: string) => Promise<T>): Promise<{ ours: T; etcds: T }> {
  const [etcds, ours] = await Promise.all(
    MAKES.map((make) => ask(members.get(make)?.secureUrl ?? "")),
  );
  return { ours: ours as T, etcds: etcds as T };
}

// One after the other: whoever is slow to be refused says that he has run out of time.
describe("etcdctl and curl with a certificate that is", () => {
  test.for([
    "none",
    "good",
    "revoked",
    "expired",
    "not yet valid",
    "for servers only",
    "of another authority",
    "of an authority below",
    "signed by SHA-1",
    "of a client",
    "of an authority that does not say so",
    "of an authority that may not sign",
    "of an authority too far below",
  ])("%s", async (kind, { expect }) => {
    const material = { authority, certificate: shown[kind] };
    const isGood = kind === "good" || kind === "of an authority below";
    // Whoever is refused tries until then.
    const limit = `--command-timeout=${isGood ? "20s" : "4s"}`;
    const asking = [ETCD_34, ETCD_35].map(async (tools) => {
      const { ours, etcds } = await compare((url) =>
        secureEtcdctl(tools, url, material, ["put", "k", "v", limit]),
      );
      expect(ours.code).toBe(etcds.code);
      expect(ours.stdout).toBe(etcds.stdout);
      expect(ours.code === 0).toBe(isGood);
      // etcd closes at once, so that its alert is not always read; ours always is.
      if (tools === ETCD_35) expect(ours.stderr).toContain(REASONS[kind] ?? "");
    });
    await Promise.all(asking);
    for (const version of ["1.2", "1.3"]) {
      const limits = [`--tlsv${version}`, "--tls-max", version];
      const { ours, etcds } = await compare((url) => secureCurl(`${url}/health`, material, limits));
      expect(ours.stdout).toBe(etcds.stdout);
      expect(ours.code === 0).toBe(isGood);
    }
  });
});

describe.concurrent("the console's client", () => {
  async function outcome(url: string, certificate: CertificateFiles | undefined) {
    const tls = {
      authority: readFileSync(authority),
      certificate: certificate && readFileSync(certificate.cert),
      key: certificate && readFileSync(certificate.key),
    };
    const client = new EtcdClient({ endpoints: [url], tls });
    try {
      await create(client, { key: Buffer.from("console"), value: Buffer.from("value") });
      const { members } = await new ClusterObserver(client, FORGETFUL).look();
      return members.map(({ health, role }) => [health, role]);
    } catch (error) {
      return error instanceof ClusterError ? error.code : error;
    } finally {
      client.close();
    }
  }

  test.for(["good", "none", "revoked", "of another authority"])(
    "with a certificate that is: %s",
    async (kind, { expect }) => {
      const { ours, etcds } = await compare((url) => outcome(url, shown[kind]));
      expect(ours).toEqual(etcds);
      if (kind === "good") expect(ours).toEqual([["up", "leader"]]);
    },
  );
});
