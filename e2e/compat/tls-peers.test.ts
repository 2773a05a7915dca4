import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, type ExpectStatic, test } from "vitest";
import {
  CertificateAuthority,
  type CertificateFiles,
  type CertificatePlan,
  type IssuedCertificate,
} from "../harness/certificates.ts";
import type { Make } from "../harness/member-process.ts";
import { freePorts } from "../harness/ports.ts";
import { SecureMember, secureCurl, secureEtcdctl } from "../harness/secure-member.ts";
import { ETCD_35 } from "../harness/tools.ts";

// Members over TLS: who may come to the peer port, compared with real etcd, and clusters of ours and
// of both makes.

const HOUR_MS = 3_600_000;
const MAKES: readonly Make[] = ["etcd-3.5", "quorate"];
const LIMIT_MS = 60_000;
const SETTLED_LIMIT_MS = 20_000;
const LOOPBACK = ["127.0.0.1"];

let folder: string;
let authority: CertificateAuthority;
let member: IssuedCertificate;
let material: { authority: string; certificate: IssuedCertificate };
let shown: Readonly<Record<string, CertificateFiles | undefined>>;
let list: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-certificates-"));
  authority = await CertificateAuthority.create(folder, "authority");
  const other = await CertificateAuthority.create(folder, "other");
  const issue = (name: string, plan: Partial<CertificatePlan>): Promise<IssuedCertificate> =>
    authority.issue(name, { commonName: name, ...plan });
  member = await issue("member", { ips: LOOPBACK });
  material = { authority: authority.file, certificate: member };
  const revoked = await issue("revoked", {});
  list = await authority.revoke("list", [revoked]);
  shown = {
    none: undefined,
    unnamed: await issue("unnamed", {}),
    loopback: member,
    elsewhere: await issue("elsewhere", { ips: ["10.9.8.7"] }),
    localhost: await issue("localhost", { dns: ["localhost"] }),
    "other name": await issue("other-name", { dns: ["name.invalid"] }),
    "wildcard alone": await issue("wildcard", { dns: ["*.invalid"] }),
    "elsewhere or localhost": await issue("either", { ips: ["10.9.8.7"], dns: ["localhost"] }),
    "named example": await issue("example", { ips: LOOPBACK, dns: ["a.example"] }),
    "named example and a dot": await issue("dotted", { ips: LOOPBACK, dns: ["A.EXAMPLE."] }),
    "named in capitals": await issue("capitals", { ips: LOOPBACK, dns: ["A.Example"] }),
    alpha: await issue("alpha", {}),
    revoked,
    expired: await issue("expired", { validMs: [-2 * HOUR_MS, -HOUR_MS] }),
    "for servers only": await issue("server-only", { uses: ["server"] }),
    "of another authority": await other.issue("stranger", { commonName: "member", ips: LOOPBACK }),
  };
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Of both sides: the same pair, and everybody has to show one. */
function mutual({ cert, key }: CertificateFiles = member): string[] {
  return ["", "peer-"].flatMap((side) => [
    `--${side}cert-file=${cert}`,
    `--${side}key-file=${key}`,
    `--${side}trusted-ca-file=${authority.file}`,
    `--${side}client-cert-auth`,
  ]);
}

describe("who may come to the peer port", () => {
  test.for<readonly [name: string, flags: () => readonly string[], welcome: readonly string[]]>([
    [
      "anybody from where the certificate says, but the revoked",
      () => [`--peer-crl-file=${list}`],
      [
        "unnamed",
        "loopback",
        "localhost",
        "elsewhere or localhost",
        "named example",
        "named example and a dot",
        "named in capitals",
        "alpha",
      ],
    ],
    ["those with certain names", () => ["--peer-cert-allowed-cn=alpha,beta"], ["alpha"]],
    [
      "those with certain hosts",
      () => ["--peer-cert-allowed-hostname=a.example,b.example"],
      ["named example", "named in capitals"],
    ],
    ["nobody, where a list of names is empty", () => ["--peer-cert-allowed-cn="], []],
    ["nobody, where a list of hosts is empty", () => ["--peer-cert-allowed-hostname="], []],
    [
      "anybody from anywhere",
      () => ["--experimental-peer-skip-client-san-verification"],
      [
        "unnamed",
        "loopback",
        "elsewhere",
        "localhost",
        "other name",
        "wildcard alone",
        "elsewhere or localhost",
        "named example",
        "named example and a dot",
        "named in capitals",
        "alpha",
        "revoked",
      ],
    ],
  ])("%s", async ([, flags, welcome], { expect }) => {
    const [etcds, ours] = await Promise.all(
      MAKES.map((make) =>
        withMember(make, [...mutual(), ...flags()], (host) =>
          visitors(`${host.securePeerUrl}/version`),
        ),
      ),
    );
    expect(ours).toEqual(etcds);
    expect(ours).toEqual(welcome);
  });
});

describe("who may come to other ports", () => {
  test("to that of metrics from where the certificate says, to that of HTTP from anywhere", async ({
    expect,
  }) => {
    const ports = await freePorts(4);
    const [etcds, ours] = await Promise.all(
      MAKES.map((make, at) => {
        const metrics = `https://127.0.0.1:${ports[2 * at]}`;
        const http = `https://127.0.0.1:${ports[2 * at + 1]}`;
        const more = [`--listen-metrics-urls=${metrics}`, `--listen-client-http-urls=${http}`];
        const flags = [...mutual(), ...more, `--client-crl-file=${list}`];
        return withMember(make, flags, async () => ({
          metrics: await visitors(`${metrics}/health`),
          http: await visitors(`${http}/health`),
        }));
      }),
    );
    expect(ours).toEqual(etcds);
    expect(ours?.metrics).not.toContain("elsewhere");
    expect(ours?.http).toContain("elsewhere");
    expect([ours?.metrics, ours?.http].flat()).not.toContain("revoked");
  });
});

async function withMember<T>(
  make: Make,
  flags: readonly string[],
  ask: (member: SecureMember) => Promise<T>,
): Promise<T> {
  const host = await SecureMember.create(make, flags);
  try {
    host.process.start();
    await host.process.wrote(/ready to serve client requests/);
    return await ask(host);
  } finally {
    await host.stop();
  }
}

/** Whose certificates open this URL. */
async function visitors(url: string): Promise<string[]> {
  const answers = await Promise.all(
    Object.entries(shown).map(async ([name, certificate]) => {
      const visitor = { authority: authority.file, certificate };
      const { stdout } = await secureCurl(url, visitor, ["--http1.1"]);
      return stdout.endsWith(" 200") ? [name] : [];
    }),
  );
  return answers.flat();
}

/** Three members that have never met. */
async function found(
  makes: readonly Make[],
  flags: readonly string[],
): Promise<readonly SecureMember[]> {
  const members = await Promise.all(makes.map((make) => SecureMember.create(make, flags)));
  const cluster = members.map(({ securePeerUrl }, at) => `m${at}=${securePeerUrl}`).join(",");
  for (const [at, each] of members.entries()) {
    each.process.start([`--name=m${at}`, `--initial-cluster=${cluster}`]);
  }
  return members;
}

/** Repeats what may meet an election, and is the same when it is done twice. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + SETTLED_LIMIT_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(100);
    }
  }
}

async function ctl(at: SecureMember, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await secureEtcdctl(ETCD_35, at.secureUrl, material, args);
  if (code !== 0) throw new Error(`etcdctl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Each member leads once; each write of each member must be read at all others. */
async function passAround(expect: ExpectStatic, members: readonly SecureMember[]): Promise<void> {
  for (const [at, next] of members.entries()) {
    await lead(members, at);
    await eventually(() => ctl(next, ["put", `leader ${at}`, "value"]));
    for (const each of members) {
      const value = eventually(() => ctl(each, ["get", `leader ${at}`, "--print-value-only"]));
      expect(await value).toBe("value\n");
    }
  }
  const hashes = await Promise.all(members.map((each) => ctl(each, ["endpoint", "hashkv"])));
  expect(new Set(hashes.map((line) => line.split(", ")[1])).size).toBe(1);
}

async function lead(members: readonly SecureMember[], at: number): Promise<void> {
  await eventually(async () => {
    const status = await Promise.all(members.map((each) => ctl(each, ["endpoint", "status"])));
    const fields = status.map((line) => line.split(", "));
    if (fields[at]?.[4] === "true") return;
    const leader = members[fields.findIndex((each) => each[4] === "true")];
    if (leader !== undefined) await ctl(leader, ["move-leader", fields[at]?.[1] ?? ""]);
    throw new Error(`m${at} does not lead`);
  });
}

describe("a cluster", () => {
  const three: readonly Make[] = ["quorate", "quorate", "quorate"];
  const mixed: readonly Make[] = ["etcd-3.5", "quorate", "quorate"];

  test.for<readonly [string, readonly Make[], () => Promise<readonly string[]>]>([
    ["of ours with pairs of their own to dial with, and names", three, splitPairs],
    ["of both makes with certificates for all", mixed, async () => mutual()],
    [
      "of both makes with certificates of their own",
      mixed,
      async () => [...mutual().slice(0, 4), "--peer-auto-tls"],
    ],
  ])("%s", { timeout: LIMIT_MS }, async ([, makes, flags], { expect }) => {
    const members = await found(makes, await flags());
    try {
      await Promise.all(members.map((each) => each.process.ready()));
      await passAround(expect, members);
    } finally {
      await Promise.all(members.map((each) => each.stop()));
    }
  });

  async function splitPairs(): Promise<string[]> {
    const names = { commonName: "member", ips: LOOPBACK };
    const serves = await authority.issue("serves", { ...names, uses: ["server"] });
    const dials = await authority.issue("dials", { ...names, uses: ["client"] });
    const dialing = [
      `--peer-client-cert-file=${dials.cert}`,
      `--peer-client-key-file=${dials.key}`,
    ];
    return [...mutual(serves), ...dialing, "--peer-cert-allowed-cn=member"];
  }

  test("goes on without a member whose certificate nobody trusts", async ({ expect }) => {
    const [first, second, third] = await Promise.all(
      mixed.map((make) => SecureMember.create(make, mutual())),
    );
    const members = [first, second, third] as [SecureMember, SecureMember, SecureMember];
    const cluster = members.map(({ securePeerUrl }, at) => `m${at}=${securePeerUrl}`).join(",");
    const stranger = shown["of another authority"] as CertificateFiles;
    const wrong = [`--peer-cert-file=${stranger.cert}`, `--peer-key-file=${stranger.key}`];
    for (const [at, each] of members.entries()) {
      const own = [`--name=m${at}`, `--initial-cluster=${cluster}`];
      each.process.start(at === 2 ? [...own, ...wrong] : own);
    }
    try {
      await Promise.all(members.slice(0, 2).map((each) => each.process.ready()));
      await ctl(members[0], ["put", "k", "v"]);
      for (const each of members.slice(0, 2)) {
        await each.process.wrote(/rejected connection on peer endpoint.*unknown authority/);
      }
      const alone = secureEtcdctl(ETCD_35, members[2].secureUrl, material, [
        "get",
        "k",
        "--command-timeout=1s",
      ]);
      expect((await alone).code).toBe(1);
    } finally {
      await Promise.all(members.map((each) => each.stop()));
    }
  });
});
