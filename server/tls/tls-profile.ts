import type { SecureVersion } from "node:tls";
import { type CertificateNames, mismatch } from "./certificate-names.ts";

/** One side's certificates and what it asks of others'; "" and empty lists: not given. */
export interface TlsProfile {
  readonly certFile: string;
  readonly keyFile: string;
  /** Shown when dialing, where it is to be another than the server's own. */
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
  readonly trustedCaFile: string;
  readonly clientCertAuth: boolean;
  readonly crlFile: string;
  readonly allowedCns: readonly string[];
  readonly allowedHostnames: readonly string[];
  /** Nobody vouches for this certificate: dialing checks none either. */
  readonly isSelfSigned: boolean;
  readonly skipClientSanVerify: boolean;
}

/** What both sides of the process agree to speak. */
export interface TlsTerms {
  /** Go's names; empty: its default. */
  readonly cipherSuites: readonly string[];
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
}

/** @throws Error with etcd's text: half a pair of files, two rules where one is allowed */
export function checkProfile(profile: TlsProfile): void {
  const { certFile, keyFile, clientCertFile, clientKeyFile } = profile;
  const { allowedCns, allowedHostnames } = profile;
  if (certFile === "" || keyFile === "") {
    throw new Error(
      `KeyFile and CertFile must both be present[key: ${keyFile}, cert: ${certFile}]`,
    );
  }
  if ((clientCertFile === "") !== (clientKeyFile === "")) {
    throw new Error(
      "ClientKeyFile and ClientCertFile must both be present or both absent: " +
        `key: ${clientKeyFile}, cert: ${clientCertFile}]`,
    );
  }
  if (allowedCns.length > 0 && allowedHostnames.length > 0) {
    throw new Error(
      "AllowedCNs and AllowedHostnames are mutually exclusive " +
        `(cns=${quotedList(allowedCns)}, hostnames=${quotedList(allowedHostnames)})`,
    );
  }
}

/** As Go prints a list of strings with %q. */
export function quotedList(texts: readonly string[]): string {
  return `[${texts.map((text) => JSON.stringify(text)).join(" ")}]`;
}

/** Why the profile does not allow who is named so; undefined when it does. */
export function allowanceRefusal(
  names: CertificateNames,
  { allowedCns, allowedHostnames }: TlsProfile,
): string | undefined {
  const isAllowed =
    allowedHostnames.length > 0
      ? allowedHostnames.some((host) => mismatch(names, host) === undefined)
      : allowedCns.length === 0 || allowedCns.includes(names.commonName);
  return isAllowed ? undefined : "client certificate authentication failed";
}
