import "reflect-metadata";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  X509CrlGenerator,
} from "@peculiar/x509";

// Certificates for tests, made when they are needed: P-256 throughout, so that one costs a
// millisecond.

const KEYS = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;
const HOUR_MS = 3_600_000;

export type CertificateUse = "server" | "client";

export interface CertificatePlan {
  readonly commonName: string;
  readonly dns?: readonly string[];
  readonly ips?: readonly string[];
  /** Both when left out. */
  readonly uses?: readonly CertificateUse[];
  readonly hash?: "SHA-1" | "SHA-256";
  /** From the start of its validity to its end, both relative to now; an hour on either side. */
  readonly validMs?: readonly [start: number, end: number];
}

/** The paths of a certificate and its key. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface IssuedCertificate extends CertificateFiles {
  /** Hexadecimal. */
  readonly serial: string;
}

/** A certificate authority whose files stand in one folder. */
export class CertificateAuthority {
  /** Its own certificate, PEM. */
  readonly file: string;
  readonly #folder: string;
  readonly #subject: string;
  readonly #keys: CryptoKeyPair;
  /** PEM that goes along with what it issues. */
  #chain = "";

  private constructor(folder: string, name: string, keys: CryptoKeyPair) {
    this.#folder = folder;
    this.#subject = `CN=${name}`;
    this.#keys = keys;
    this.file = join(folder, `${name}.pem`);
  }

  static async create(folder: string, name: string): Promise<CertificateAuthority> {
    const keys = await newKeys();
    const authority = new CertificateAuthority(folder, name, keys);
    const certificate = await X509CertificateGenerator.createSelfSigned({
      name: authority.#subject,
      keys,
      signingAlgorithm: SIGNATURE,
      ...validity([-HOUR_MS, HOUR_MS]),
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    });
    writeFileSync(authority.file, certificate.toString("pem"));
    return authority;
  }

  /** One below this, or whatever else the extensions make of it. */
  async delegate(name: string, extensions: readonly Extension[]): Promise<CertificateAuthority> {
    const keys = await newKeys();
    const authority = new CertificateAuthority(this.#folder, name, keys);
    const certificate = await X509CertificateGenerator.create({
      subject: authority.#subject,
      issuer: this.#subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: SIGNATURE,
      ...validity([-HOUR_MS, HOUR_MS]),
      extensions: [...extensions],
    });
    authority.#chain = `\n${certificate.toString("pem")}${this.#chain}`;
    writeFileSync(authority.file, certificate.toString("pem"));
    return authority;
  }

  /** Writes `<name>.pem` and `<name>.key` into the folder, over whatever stands there. */
  async issue(name: string, plan: CertificatePlan): Promise<IssuedCertificate> {
    const keys = await newKeys();
    const uses = plan.uses ?? ["server", "client"];
    const names: JsonGeneralNames = [
      ...(plan.dns ?? []).map((value) => ({ type: "dns" as const, value })),
      ...(plan.ips ?? []).map((value) => ({ type: "ip" as const, value })),
    ];
    const certificate = await X509CertificateGenerator.create({
      subject: `CN=${plan.commonName}`,
      issuer: this.#subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: { ...SIGNATURE, hash: plan.hash ?? SIGNATURE.hash },
      ...validity(plan.validMs ?? [-HOUR_MS, HOUR_MS]),
      extensions: [
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension(
          uses.map((use) =>
            use === "server" ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth,
          ),
        ),
        ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
      ],
    });
    const cert = join(this.#folder, `${name}.pem`);
    const key = join(this.#folder, `${name}.key`);
    const secret = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
    writeFileSync(cert, certificate.toString("pem") + this.#chain);
    writeFileSync(key, PemConverter.encode(secret, "PRIVATE KEY"));
    return { cert, key, serial: certificate.serialNumber };
  }

  /** Writes the list of what this authority has revoked, DER as etcd reads it; returns its path. */
  async revoke(name: string, certificates: readonly IssuedCertificate[]): Promise<string> {
    const list = await X509CrlGenerator.create({
      issuer: this.#subject,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: SIGNATURE,
      thisUpdate: new Date(),
      nextUpdate: new Date(Date.now() + HOUR_MS),
      entries: certificates.map(({ serial }) => ({
        serialNumber: serial,
        revocationDate: new Date(),
      })),
    });
    const file = join(this.#folder, `${name}.crl`);
    writeFileSync(file, Buffer.from(list.rawData));
    return file;
  }
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(KEYS, true, ["sign", "verify"]);
}

function validity([startMs, endMs]: readonly [number, number]) {
  const now = Date.now();
  return { notBefore: new Date(now + startMs), notAfter: new Date(now + endMs) };
}
