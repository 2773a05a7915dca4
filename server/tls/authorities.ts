// A file of authorities, read as Go reads it: every PEM block is to be a certificate, whatever its
// type says, and what stands around blocks is passed over. OpenSSL would leave out what it cannot
// read, and a member would start with less trust than was given to it.
import { X509Certificate } from "node:crypto";

const BLOCK = /-----BEGIN ([^\n]*)-----\s([\s\S]*?)-----END \1-----/g;
const BASE64 = /^[A-Za-z0-9+/=\s]*$/;
const SEQUENCE = 0x30;

/**
 * Each certificate as PEM of its own; none where the file holds no PEM, as in etcd.
 * @throws Error with Go's text at the first block that is no certificate
 */
export function parseAuthorities(file: Buffer): string[] {
  const bodies = [...file.toString("latin1").matchAll(BLOCK)].map(([, , body = ""]) => bare(body));
  return bodies
    .filter((body) => BASE64.test(body))
    .map((body) => certificateOf(Buffer.from(body, "base64")).toString());
}

/** Without the headers that PEM may have, up to an empty line. */
function bare(body: string): string {
  return body.includes(":") ? body.replace(/^[\s\S]*?\r?\n\r?\n/, "") : body;
}

function certificateOf(der: Buffer): X509Certificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch (error) {
    throw new Error(problemOf(der), { cause: error });
  }
  if (certificate.raw.length < der.length) throw new Error("x509: trailing data");
  return certificate;
}

/** A key is a sequence too, but its first value is a number. */
function problemOf(der: Buffer): string {
  const length = der[1] ?? 0;
  const first = der[length < 0x80 ? 2 : 2 + (length & 0x7f)];
  return der[0] === SEQUENCE && first !== SEQUENCE
    ? "x509: malformed tbs certificate"
    : "x509: malformed certificate";
}
