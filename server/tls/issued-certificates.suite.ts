import "reflect-metadata";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralNames,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  X509CrlGenerator,
} from "@peculiar/x509";
import type { TlsProfile } from "./tls-profile.ts";

const KEYS = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;
const BOTH_USES = [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth];
const HOUR_MS = 3_600_000;

export interface Issued {
  readonly name: string;
  readonly keys: CryptoKeyPair;
  readonly pem: string;
  /** Files of the certificate and its key. */
  readonly cert: string;
  readonly key: string;
}

export interface Plan {
  readonly folder: string;
  readonly name: string;
  /** Hexadecimal. */
  readonly serial: string;
  /** Absent: it signs itself. */
  readonly issuer?: Issued;
  readonly isAuthority?: boolean;
  /** In place of what makes it an authority, or says for what else it may be used. */
  readonly says?: readonly Extension[];
  readonly hash?: "SHA-1" | "SHA-256";
  readonly dns?: readonly string[];
}

/** A certificate for either use, named and numbered as asked, for these names or for 127.0.0.1. */
export async function issue(plan: Plan): Promise<Issued> {
  const { folder, name, serial, issuer, isAuthority = false, dns = [] } = plan;
  const { hash = SIGNATURE.hash } = plan;
  const says = plan.says ?? [
    new BasicConstraintsExtension(isAuthority, undefined, true),
    ...(isAuthority ? [] : [new ExtendedKeyUsageExtension(BOTH_USES)]),
  ];
  const keys = await crypto.subtle.generateKey(KEYS, true, ["sign", "verify"]);
  const names: JsonGeneralNames =
    dns.length === 0
      ? [{ type: "ip", value: "127.0.0.1" }]
      : dns.map((value) => ({ type: "dns", value }));
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: `CN=${issuer?.name ?? name}`,
    serialNumber: serial,
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: { ...SIGNATURE, hash },
    notBefore: new Date(Date.now() - HOUR_MS),
    notAfter: new Date(Date.now() + HOUR_MS),
    extensions: [...says, new SubjectAlternativeNameExtension(names)],
  });
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const pem = `${certificate.toString("pem")}\n`;
  writeFileSync(cert, pem);
  const secret = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  writeFileSync(key, PemConverter.encode(secret, "PRIVATE KEY"));
  return { name, keys, pem, cert, key };
}

/** Shows this certificate, trusts that file, asks clients for nothing else. */
export function profileOf({ cert, key }: Issued, trustedCaFile: string): TlsProfile {
  return {
    certFile: cert,
    keyFile: key,
    clientCertFile: "",
    clientKeyFile: "",
    trustedCaFile,
    clientCertAuth: true,
    crlFile: "",
    allowedCns: [],
    allowedHostnames: [],
    isSelfSigned: false,
    skipClientSanVerify: false,
  };
}

/** Writes a list of these serial numbers, signed by whom it may be; returns its path. */
export async function revoke(folder: string, signer: Issued, serials: readonly string[]) {
  const list = await X509CrlGenerator.create({
    issuer: `CN=${signer.name}`,
    signingKey: signer.keys.privateKey,
    signingAlgorithm: SIGNATURE,
    thisUpdate: new Date(),
    nextUpdate: new Date(Date.now() + HOUR_MS),
    entries: serials.map((serialNumber) => ({ serialNumber, revocationDate: new Date() })),
  });
  const file = join(folder, "revoked.crl");
  writeFileSync(file, Buffer.from(list.rawData));
  return file;
}
