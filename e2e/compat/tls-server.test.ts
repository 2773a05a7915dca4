import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, type ExpectStatic, test } from "vitest";
import { CertificateAuthority, type IssuedCertificate } from "../harness/certificates.ts";
import { etcdctl, type Make } from "../harness/member-process.ts";
import { handshake, SecureMember, secureCurl, secureEtcdctl } from "../harness/secure-member.ts";
import { ETCD_35 } from "../harness/tools.ts";

// What a member shows and accepts under etcd's flags of TLS: each set of flags is given to a member
// of ours and to real etcd, and both must come to the same.

const MAKES: readonly Make[] = ["etcd-3.5", "quorate"];

let folder: string;
let authority: CertificateAuthority;
let server: IssuedCertificate;
let client: IssuedCertificate;
let emptyList: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-certificates-"));
  authority = await CertificateAuthority.create(folder, "authority");
  server = await authority.issue("server", { commonName: "server", ips: ["127.0.0.1"] });
  client = await authority.issue("client", { commonName: "client", uses: ["client"] });
  emptyList = await authority.revoke("nobody", []);
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Own files and no demands on clients, for both sides. */
function pair(): string[] {
  return ["", "peer-"].flatMap((side) => sidePair(side, server.cert, server.key));
}

function sidePair(side: string, cert: string, key: string): string[] {
  return [`--${side}cert-file=${cert}`, `--${side}key-file=${key}`];
}

/** Runs `ask` on a member of each make under these flags and expects the same of both. */
async function alike<T>(
  expect: ExpectStatic,
  flags: (make: Make) => readonly string[],
  ask: (member: SecureMember, make: Make) => Promise<T>,
): Promise<T> {
  const [etcds, ours] = await Promise.all(
    MAKES.map(async (make) => {
      const member = await SecureMember.start(make, flags(make));
      try {
        return await ask(member, make);
      } finally {
        await member.stop();
      }
    }),
  );
  expect(ours).toEqual(etcds);
  return ours as T;
}

/** `TLSv1.3, Cipher is …` with protocol and suite, or why there is none. */
async function agreed(url: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await handshake(url, args);
  const agreement = /^New, (.*)$/m.exec(stdout)?.[1] ?? "";
  if (!agreement.includes("(NONE)")) return agreement;
  return /:([a-z0-9 ]*alert[a-z0-9 ]*):/.exec(stderr)?.[1] ?? stderr;
}

describe("versions and cipher suites", () => {
  const some = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
  test.for([
    [],
    ["--tls-max-version=TLS1.2"],
    ["--tls-min-version=TLS1.3"],
    [`--cipher-suites=${some}`],
  ])("%s", async (flags, { expect }) => {
    const found = await alike(
      expect,
      () => [...pair(), ...flags],
      async ({ secureUrl }) => {
        const lax = "DEFAULT@SECLEVEL=0";
        return {
          "1.1": await agreed(secureUrl, ["-tls1_1", "-cipher", lax]),
          "1.2": await agreed(secureUrl, ["-tls1_2"]),
          "1.2, old suite": await agreed(secureUrl, [
            "-tls1_2",
            "-cipher",
            "ECDHE-ECDSA-AES128-SHA",
          ]),
          "1.2, key not agreed": await agreed(secureUrl, ["-tls1_2", "-cipher", "AES128-SHA"]),
          "1.3": await agreed(secureUrl, ["-tls1_3"]),
          "of its choice": await agreed(secureUrl, []),
        };
      },
    );
    expect(found["1.1"]).toContain("alert protocol version");
    expect(found["of its choice"]).toContain("Cipher is");
  });
});

describe("flags with which a member does not start", () => {
  const missing = () => join(folder, "missing.pem");
  const wrong: readonly (readonly [string, (side: string) => readonly string[]])[] = [
    ["no certificate for an https URL", (side) => sidePair(side, "", "")],
    ["a certificate without a key", (side) => [`--${side}key-file=`]],
    ["a key without a certificate", (side) => [`--${side}cert-file=`]],
    ["a certificate that is not there", (side) => sidePair(side, missing(), server.key)],
    ["a key that is not there", (side) => sidePair(side, server.cert, missing())],
    ["a certificate that is none", (side) => sidePair(side, server.key, server.key)],
    ["a key that is none", (side) => sidePair(side, server.cert, server.cert)],
    ["the key of another certificate", (side) => sidePair(side, server.cert, client.key)],
    ["half of a pair to dial with", (side) => [`--${side}client-cert-file=${client.cert}`]],
    [
      "a pair to dial with that is none",
      (side) => [
        `--${side}client-cert-file=${client.cert}`,
        `--${side}client-key-file=${server.key}`,
      ],
    ],
    ["authorities that are not there", (side) => [`--${side}trusted-ca-file=${missing()}`]],
  ];
  test.for(wrong)("for clients: %s", ([, flags], { expect }) =>
    fareAlike(expect, [...pair(), ...flags("")]),
  );
  const atMembers = ["no certificate", "the key of another", "a pair to dial", "authorities"];
  const wrongThere = wrong.filter(([name]) => atMembers.some((start) => name.startsWith(start)));
  test.for(wrongThere)("for members: %s", ([, flags], { expect }) =>
    fareAlike(expect, [...pair(), ...flags("peer-")]),
  );

  const list = ["--peer-cert-allowed-cn=a", "--peer-cert-allowed-hostname=b"];
  test.for<readonly [string, () => readonly string[]]>([
    ["two rules about who may come", () => [...pair(), ...list]],
    [
      "suites without the one that HTTP/2 demands",
      () => [...pair(), "--cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
    ],
    ["an unknown cipher suite", () => [...pair(), "--cipher-suites=TLS_BEST"]],
    [
      "suites for version 1.3 alone",
      () => [...pair(), "--cipher-suites=TLS_RSA_WITH_AES_128_CBC_SHA", "--tls-min-version=TLS1.3"],
    ],
    [
      "versions the wrong way round",
      () => [...pair(), "--tls-min-version=TLS1.3", "--tls-max-version=TLS1.2"],
    ],
    [
      "own certificates valid for no time",
      () => ["--auto-tls", "--self-signed-cert-validity=0", ...pair().slice(2)],
    ],
  ])("%s", ([, flags], { expect }) => fareAlike(expect, flags()));
});

async function fareAlike(expect: ExpectStatic, flags: readonly string[]): Promise<void> {
  const [etcds, ours] = await Promise.all(MAKES.map((make) => lastWords(make, flags)));
  expect(ours).toEqual(etcds);
}

/** How a member ends that cannot start: exit code and the error it logged. */
async function lastWords(make: Make, flags: readonly string[]) {
  const member = await SecureMember.create(make, flags);
  member.process.start();
  const code = await member.process.ended();
  const errors = member.process.output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ level, msg }) => level === "fatal" || msg === "failed to verify flags");
  await member.stop();
  const { msg, error } = errors.at(-1) ?? {};
  return { code, msg, error: String(error).replace(/127\.0\.0\.1:\d+/, "ADDRESS") };
}

describe("certificates of a member's own", () => {
  test("are like etcd's, kept over a restart, and good enough for who checks nothing", async ({
    expect,
  }) => {
    const flags = () => ["--auto-tls", "--peer-auto-tls", "--self-signed-cert-validity=2"];
    const found = await alike(expect, flags, async (member) => {
      const before = fixtures(member.dataDir);
      const blind = ["--insecure-skip-tls-verify", "--insecure-transport=false", "put", "k", "v"];
      const put = await etcdctl(ETCD_35, member.secureUrl, blind);
      await member.process.stop();
      member.process.start();
      await member.process.ready();
      expect(fixtures(member.dataDir)).toEqual(before);
      const shown = await handshake(member.secureUrl, []);
      expect(shown.stdout).toContain(readFileSync(before.client.file, "utf8").trim());
      return { put: put.stdout, client: before.client.text, peer: before.peer.text };
    });
    expect(found.put).toBe("OK\n");
    expect(found.client).toContain("IP Address:127.0.0.1");
  });
});

/** What openssl says of the pairs in a data folder, but for what is different by chance. */
function fixtures(dataDir: string) {
  const [client, peer] = ["client", "peer"].map((side) => {
    const [file, key] = ["cert.pem", "key.pem"].map((name) =>
      join(dataDir, "fixtures", side, name),
    );
    const args = ["x509", "-noout", "-text", "-in", file as string];
    const text = execFileSync("openssl", args, { encoding: "utf8" })
      .replace(/Serial Number:\s+\S+|Not (Before|After) *:.*|( {8,}[0-9a-f:]+$)/gm, "")
      .replace(/Signature Value:[^]*/, "");
    const mode = (statSync(key as string).mode & 0o777).toString(8);
    const kind = readFileSync(key as string, "utf8").split("\n")[0];
    const [start = 0, end = 0] = ["startdate", "enddate"].map((date) =>
      Date.parse(
        execFileSync("openssl", ["x509", "-noout", `-${date}`, "-in", file as string], {
          encoding: "utf8",
        }).split("=")[1] ?? "",
      ),
    );
    return {
      file: file as string,
      text: `${text}${mode} ${kind} ${(end - start) / 86_400_000} days`,
    };
  });
  return {
    client: client as { file: string; text: string },
    peer: peer as { file: string; text: string },
  };
}

describe("files that change under a running member", () => {
  test("count from the next handshake on", async ({ expect }) => {
    const found = await alike(
      expect,
      (make) => {
        const own = ownCopies(make);
        const crl = `--client-crl-file=${own.crl}`;
        const demands = [`--trusted-ca-file=${authority.file}`, "--client-cert-auth", crl];
        return [
          ...sidePair("", own.cert, own.key),
          ...sidePair("peer-", server.cert, server.key),
          ...demands,
        ];
      },
      async ({ secureUrl }, make) => {
        const own = ownCopies(make, false);
        const seen: Record<string, string> = {};
        const look = async (when: string): Promise<void> => {
          const material = { authority: authority.file, certificate: client };
          const { code, stdout } = await secureCurl(`${secureUrl}/health`, material, ["--http1.1"]);
          const { stdout: shown, stderr } = await handshake(secureUrl, []);
          const subject = /subject=CN = (.*)/.exec(shown)?.[1] ?? "";
          // After the handshake openssl leaves at once, with or without having read an alert.
          const alert = subject === "" ? /alert [a-z ]+/.exec(stderr)?.[0] : "";
          seen[when] = `${code} ${stdout} ${subject} ${alert ?? "no alert"}`;
        };
        await look("at first");
        const next = await authority.issue(`next-${make}`, {
          commonName: "next",
          ips: ["127.0.0.1"],
        });
        copyFileSync(next.cert, own.cert);
        await look("with half of a new pair");
        copyFileSync(next.key, own.key);
        await look("with a new pair");
        rmSync(own.key);
        await look("without a key");
        copyFileSync(next.key, own.key);
        copyFileSync(await authority.revoke(`all-${make}`, [client]), own.crl);
        await look("with the client revoked");
        writeFileSync(own.crl, "no list");
        await look("with a broken list");
        copyFileSync(await authority.revoke(`none-${make}`, []), own.crl);
        await look("with an empty list");
        return seen;
      },
    );
    expect(found["at first"]).toContain("200 server");
    expect(found["with half of a new pair"]).toContain("alert internal error");
    expect(found["with an empty list"]).toContain("200 next");
    expect(found["with the client revoked"]).not.toContain("200");
  });

  /** A pair and a list for one member alone. */
  function ownCopies(make: Make, isNew = true) {
    const [cert, key, crl] = ["pem", "key", "crl"].map((kind) =>
      join(folder, `own-${make}.${kind}`),
    );
    const own = { cert: cert as string, key: key as string, crl: crl as string };
    if (isNew) {
      copyFileSync(server.cert, own.cert);
      copyFileSync(server.key, own.key);
      copyFileSync(emptyList, own.crl);
    }
    return own;
  }
});

describe("one address for https and http", () => {
  test("tells them apart", async ({ expect }) => {
    await alike(
      expect,
      () => pair(),
      async (member) => {
        const { secureUrl } = member;
        const plainUrl = secureUrl.replace("https", "http");
        const material = { authority: authority.file };
        const both = `--listen-client-urls=${member.process.clientUrl},${secureUrl},${plainUrl}`;
        await member.process.stop();
        member.process.start([both]);
        await member.process.ready();
        const put = await etcdctl(ETCD_35, plainUrl, ["put", "k", "v"]);
        const get = await secureEtcdctl(ETCD_35, secureUrl, material, ["get", "k"]);
        const [secure, plain] = await Promise.all(
          [secureUrl, plainUrl].map((url) => secureCurl(`${url}/health`, material, ["--http1.1"])),
        );
        return [put.stdout, get.stdout, secure?.stdout, plain?.stdout];
      },
    );
  });
});
