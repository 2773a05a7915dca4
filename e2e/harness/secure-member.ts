import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CertificateFiles } from "./certificates.ts";
import { type CommandResult, etcdctl, type Make, MemberProcess } from "./member-process.ts";
import { freePorts } from "./ports.ts";
import type { EtcdTools } from "./tools.ts";

const COMMAND_LIMIT_MS = 20_000;

/** With what a client comes. */
export interface ClientMaterial {
  /** Whom it believes. */
  readonly authority: string;
  readonly certificate?: CertificateFiles | undefined;
}

/**
 * One member that listens for clients without TLS, so that a test can wait for it, and on another
 * port with TLS; for members likewise with TLS.
 */
export class SecureMember {
  readonly process: MemberProcess;
  readonly secureUrl: string;
  readonly securePeerUrl: string;
  readonly dataDir: string;

  private constructor(process: MemberProcess, secureUrl: string, securePeerUrl: string) {
    this.process = process;
    this.secureUrl = secureUrl;
    this.securePeerUrl = securePeerUrl;
    this.dataDir = process.options.dataDir;
  }

  /**
   * @param flags those of TLS, for clients and for members
   * @param filesMax that the system lets it have open; its own limit without
   */
  static async create(
    make: Make,
    flags: readonly string[],
    filesMax?: number,
  ): Promise<SecureMember> {
    const [plain = 0, secure = 0, peer = 0] = await freePorts(3);
    const secureUrl = `https://127.0.0.1:${secure}`;
    const peerUrl = `https://127.0.0.1:${peer}`;
    const process = new MemberProcess({
      make,
      name: "m",
      clientPort: plain,
      peerPort: peer,
      dataDir: mkdtempSync(join(tmpdir(), "quorate-secure-")),
      initialCluster: `m=${peerUrl}`,
      state: "new",
      flags: [
        `--listen-client-urls=http://127.0.0.1:${plain},${secureUrl}`,
        `--advertise-client-urls=${secureUrl}`,
        `--listen-peer-urls=${peerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        ...flags,
      ],
      filesMax,
    });
    return new SecureMember(process, secureUrl, peerUrl);
  }

  static async start(
    make: Make,
    flags: readonly string[],
    filesMax?: number,
  ): Promise<SecureMember> {
    const member = await SecureMember.create(make, flags, filesMax);
    member.process.start();
    await member.process.ready();
    return member;
  }

  async stop(): Promise<void> {
    await this.process.stop("SIGKILL");
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** etcdctl over TLS. */
export function secureEtcdctl(
  tools: EtcdTools,
  endpoints: string,
  { authority, certificate }: ClientMaterial,
  args: readonly string[],
): Promise<CommandResult> {
  const identity =
    certificate === undefined ? [] : [`--cert=${certificate.cert}`, `--key=${certificate.key}`];
  return etcdctl(tools, endpoints, [`--cacert=${authority}`, ...identity, ...args]);
}

/** Debian's curl. Never throws for a non-zero exit; `stdout` ends with the version and status. */
export function secureCurl(
  url: string,
  { authority, certificate }: ClientMaterial,
  args: readonly string[] = [],
): Promise<CommandResult> {
  const identity =
    certificate === undefined ? [] : ["--cert", certificate.cert, "--key", certificate.key];
  const report = ["--write-out", " HTTP/%{http_version} %{http_code}"];
  return run("curl", ["--silent", "--cacert", authority, ...identity, ...report, ...args, url]);
}

/** Debian's openssl s_client, which ends after the handshake. */
export function handshake(url: string, args: readonly string[]): Promise<CommandResult> {
  return run("openssl", ["s_client", "-connect", new URL(url).host, ...args]);
}

function run(command: string, args: readonly string[]): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(
      command,
      [...args],
      { timeout: COMMAND_LIMIT_MS },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        resolve({ code, stdout, stderr });
      },
    );
    child.stdin?.end();
  });
}
