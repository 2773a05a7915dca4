// The certificate that a member makes for itself under --auto-tls: it encrypts, and proves nothing.
import "reflect-metadata";
import { createPrivateKey } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join, resolve } from "node:path";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { TlsProfile } from "./tls-profile.ts";

const KEYS = { name: "ECDSA", namedCurve: "P-521" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-512" } as const;
const YEAR_MS = 365 * 24 * 3_600_000;

export interface SelfSignedPlan {
  /** Made if need be. */
  readonly folder: string;
  /** What it is to be valid for: addresses and names. */
  readonly hosts: readonly string[];
  readonly validityYears: number;
}

/**
 * The profile of a pair that stands in the folder, made when there is none: `cert.pem`, `key.pem`.
 * Nothing else that was configured goes with it, as in etcd.
 * @throws Error with etcd's text, and errors of the system
 */
export async function selfSignedProfile(
  { folder, hosts, validityYears }: SelfSignedPlan,
  clock: Clock,
  log: Log,
): Promise<TlsProfile> {
  if (validityYears === 0) {
    throw new Error("selfSignedCertValidity is invalid,it should be greater than 0");
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const certFile = resolve(join(folder, "cert.pem"));
  const keyFile = resolve(join(folder, "key.pem"));
  if (!existsSync(certFile) || !existsSync(keyFile)) {
    const start = new Date(clock.now());
    const end = new Date(start.getTime() + validityYears * YEAR_MS);
    log.warn("automatically generate certificates", {
      "certificate-validity-bound-not-after": end,
    });
    const { certificate, key } = await selfSigned(hosts, start, end);
    writeFileSync(certFile, certificate);
    log.info("created cert file", { path: certFile });
    writeFileSync(keyFile, key, { mode: 0o600 });
    log.info("created key file", { path: keyFile });
  }
  return {
    certFile,
    keyFile,
    clientCertFile: certFile,
    clientKeyFile: keyFile,
    trustedCaFile: "",
    clientCertAuth: false,
    crlFile: "",
    allowedCns: [],
    allowedHostnames: [],
    isSelfSigned: true,
    skipClientSanVerify: false,
  };
}

async function selfSigned(hosts: readonly string[], notBefore: Date, notAfter: Date) {
  const keys = await crypto.subtle.generateKey(KEYS, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "O=etcd",
    keys,
    signingAlgorithm: SIGNATURE,
    notBefore,
    notAfter,
    extensions: [
      new KeyUsagesExtension(KeyUsageFlags.keyEncipherment | KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new BasicConstraintsExtension(false, undefined, true),
      new SubjectAlternativeNameExtension(
        hosts.map((value) => ({
          type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const),
          value,
        })),
      ),
    ],
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  return {
    certificate: `${certificate.toString("pem")}\n`,
    key: key.export({ format: "pem", type: "sec1" }),
  };
}
