// Whom a certificate names, and whether that is a host, by Go's rules: only the subject's alternative
// names count, a wildcard stands for one whole first label.
import type { PeerCertificate } from "node:tls";

export interface CertificateNames {
  /** Empty: none. Of several the last counts, as in Go. */
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  /** As OpenSSL prints them. */
  readonly ipAddresses: readonly string[];
}

export function namesOf({ subject, subjectaltname }: PeerCertificate): CertificateNames {
  const commonName: unknown = subject?.CN;
  const alternatives = splitAlternatives(subjectaltname ?? "");
  const named = (kind: string): string[] =>
    alternatives.filter((each) => each.startsWith(kind)).map((each) => each.slice(kind.length));
  return {
    commonName: String((Array.isArray(commonName) ? commonName.at(-1) : commonName) ?? ""),
    dnsNames: named("DNS:"),
    ipAddresses: named("IP Address:"),
  };
}

/**
 * Why these names are not the host's, in Go's words; undefined when they are.
 * @param host a name, or an IP address with or without brackets
 */
export function mismatch(names: CertificateNames, host: string): string | undefined {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const address = canonicalAddress(bare);
  const { commonName, dnsNames, ipAddresses } = names;
  const hasNone = dnsNames.length === 0 && ipAddresses.length === 0;
  if (hasNone && matchesPattern(commonName, bare)) {
    return "x509: certificate relies on legacy Common Name field, use SANs instead";
  }
  if (address !== undefined) {
    if (ipAddresses.length === 0) {
      return `x509: cannot validate certificate for ${host} because it doesn't contain any IP SANs`;
    }
    if (ipAddresses.some((each) => canonicalAddress(each) === address)) return undefined;
    return `x509: certificate is valid for ${ipAddresses.join(", ")}, not ${host}`;
  }
  if (dnsNames.some((pattern) => isNamed(pattern, host))) return undefined;
  if (dnsNames.length > 0) {
    return `x509: certificate is valid for ${dnsNames.join(", ")}, not ${host}`;
  }
  return `x509: certificate is not valid for any names, but wanted to match ${host}`;
}

/** A name of unusual form is matched by itself alone. */
function isNamed(pattern: string, host: string): boolean {
  if (isHostname(withoutLastDot(host)) && isHostname(pattern.replace(/^\*\./, ""))) {
    return matchesPattern(pattern, host);
  }
  const isNone = [pattern, host].some((name) => name === "" || name === ".");
  return !isNone && lowerAscii(pattern) === lowerAscii(host);
}

/** Label by label; of the host alone the last dot does not count. */
function matchesPattern(pattern: string, host: string): boolean {
  const given = lowerAscii(pattern).split(".");
  const wanted = lowerAscii(withoutLastDot(host)).split(".");
  if (pattern === "" || given.length !== wanted.length) return false;
  return given.every((label, at) => (at === 0 && label === "*") || label === wanted[at]);
}

function isHostname(name: string): boolean {
  return name.split(".").every((label) => /^[A-Za-z0-9_][A-Za-z0-9_-]*$/.test(label));
}

function withoutLastDot(name: string): string {
  return name.replace(/\.$/, "");
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The same text for the same address; undefined when it is none. */
export function canonicalAddress(text: string): string | undefined {
  const v4 = text.replace(/^::ffff:(?=\d+\.)/i, "");
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(v4)) return v4;
  if (!text.includes(":")) return undefined;
  const bare = text.replace(/%.*$/, "");
  return URL.canParse(`http://[${bare}]`) ? new URL(`http://[${bare}]`).hostname : undefined;
}

/** `DNS:a, IP Address:10.0.0.1`; a name with unusual characters is quoted as JSON. */
function splitAlternatives(text: string): string[] {
  const found: string[] = [];
  for (const match of text.matchAll(/([A-Za-z ]+:)("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)) {
    const [, kind = "", value = ""] = match;
    found.push(kind + (value.startsWith('"') ? String(JSON.parse(value)) : value));
  }
  return found;
}
