// Go's names of cipher suites, as --cipher-suites takes them, and what OpenSSL calls the same. What
// stands under TLS 1.3 is a name that etcd knows and that configures nothing: all suites of that
// version are always offered.
import { getCiphers } from "node:tls";

const TLS_12: ReadonlyMap<string, string> = new Map([
  ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"],
  ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"],
  ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"],
  ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"],
  ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"],
  ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"],
  ["TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"],
  ["TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"],
  ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256"],
  ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"],
  ["TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"],
  ["TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"],
  ["TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256"],
  ["TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"],
  ["TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"],
  ["TLS_RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3-SHA"],
  ["TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "ECDHE-RSA-DES-CBC3-SHA"],
  ["TLS_RSA_WITH_RC4_128_SHA", "RC4-SHA"],
  ["TLS_ECDHE_RSA_WITH_RC4_128_SHA", "ECDHE-RSA-RC4-SHA"],
  ["TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", "ECDHE-ECDSA-RC4-SHA"],
]);

const TLS_13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

const HTTP2_NEEDS = [
  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
];

/** What Go offers unasked, best first. */
const DEFAULT_TLS_12 = [...TLS_12.values()].slice(0, 12);

/**
 * The list in OpenSSL's form.
 * @param names Go's; none for Go's default
 * @throws Error with etcd's text for a name that Go does not know, with one of ours when none of
 *   the suites exists here (what is broken beyond doubt, RC4 and 3DES, does not)
 */
export function cipherList(names: readonly string[]): string {
  for (const name of names) {
    if (TLS_12.has(name) || TLS_13.includes(name)) continue;
    throw new Error(`unexpected TLS cipher suite ${JSON.stringify(name)}`);
  }
  const asked = new Set(names.flatMap((name) => TLS_12.get(name) ?? []));
  const known = new Set(getCiphers());
  // In Go's order of preference, whatever that of the names.
  const suites = [...new Set(TLS_12.values())].filter(
    (suite) => asked.has(suite) && known.has(suite.toLowerCase()),
  );
  if (asked.size > 0 && suites.length === 0) {
    throw new Error(`none of the TLS cipher suites is supported: ${names.join(",")}`);
  }
  const chosen = names.length === 0 ? DEFAULT_TLS_12 : suites;
  return [...TLS_13, ...chosen].join(":");
}

/** Why HTTP/2 cannot be served with these suites alone, in Go's words; undefined when it can. */
export function http2Problem(names: readonly string[]): string | undefined {
  if (names.length === 0 || HTTP2_NEEDS.some((name) => names.includes(name))) return undefined;
  return (
    "http2: TLSConfig.CipherSuites is missing an HTTP/2-required AES_128_GCM_SHA256 cipher " +
    `(need at least one of ${HTTP2_NEEDS.join(" or ")})`
  );
}
