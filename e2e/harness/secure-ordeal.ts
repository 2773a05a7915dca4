import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CertificateAuthority } from "./certificates.ts";
import { Ordeal } from "./ordeal.ts";
import { freePorts } from "./ports.ts";
import { SecureMember } from "./secure-member.ts";

/** A member of ours under attack behind TLS, on its ports for clients, for members and for metrics. */
export class SecureOrdeal {
  readonly member: SecureMember;
  readonly figuresUrl: string;
  readonly ordeal: Ordeal;
  readonly #folder: string;

  private constructor(member: SecureMember, figuresUrl: string, ordeal: Ordeal, folder: string) {
    this.member = member;
    this.figuresUrl = figuresUrl;
    this.ordeal = ordeal;
    this.#folder = folder;
  }

  /** @param filesMax that the system lets it have open; its own limit without */
  static async begin(filesMax?: number): Promise<SecureOrdeal> {
    const folder = mkdtempSync(join(tmpdir(), "quorate-certificates-"));
    const authority = await CertificateAuthority.create(folder, "authority");
    const { cert, key } = await authority.issue("server", {
      commonName: "server",
      ips: ["127.0.0.1"],
    });
    const [figures = 0] = await freePorts(1);
    const figuresUrl = `https://127.0.0.1:${figures}`;
    const pairs = ["", "peer-"].flatMap((side) => [
      `--${side}cert-file=${cert}`,
      `--${side}key-file=${key}`,
    ]);
    const flags = [`--listen-metrics-urls=${figuresUrl}`, ...pairs];
    const member = await SecureMember.start("quorate", flags, filesMax);
    const ordeal = await Ordeal.begin(member.process, [
      `${member.secureUrl}/health`,
      `${member.securePeerUrl}/version`,
      `${figuresUrl}/health`,
    ]);
    return new SecureOrdeal(member, figuresUrl, ordeal, folder);
  }

  async stop(): Promise<void> {
    this.ordeal.close();
    await this.member.stop();
    rmSync(this.#folder, { recursive: true });
  }
}
