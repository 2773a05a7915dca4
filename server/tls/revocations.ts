// A certificate revocation list (RFC 5280), of which only the serial numbers matter here: like etcd,
// neither its signature nor its age is looked at. A list can hold many thousands of entries, so they
// are read where they stand.
//
//   CertificateList ::= SEQUENCE { TBSCertList, signature… }
//   TBSCertList     ::= SEQUENCE { version?, algorithm, issuer, thisUpdate, nextUpdate?,
//                                  revoked SEQUENCE OF SEQUENCE { serial, … }?, [0] extensions? }

const INTEGER = 0x02;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const PEM = /^-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/;

/** One value of DER within a buffer: its content is bytes[start, end). */
interface Value {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/**
 * The revoked serial numbers, as `serialOf` writes them.
 * @param bytes DER, or the same as PEM
 * @throws Error when it is no revocation list
 */
export function parseRevocations(bytes: Buffer): ReadonlySet<string> {
  const pem = bytes[0] === SEQUENCE ? null : PEM.exec(bytes.toString("latin1"));
  const der = pem === null ? bytes : Buffer.from(pem[1] ?? "", "base64");
  const list = read(der, 0, der.length, SEQUENCE);
  const signed = read(der, list.start, list.end, SEQUENCE);
  const serials = new Set<string>();
  const revoked = revokedEntries(der, signed);
  if (revoked === undefined) return serials;
  let at = revoked.start;
  while (at < revoked.end) {
    const entry = read(der, at, revoked.end, SEQUENCE);
    const { start, end } = read(der, entry.start, entry.end, INTEGER);
    serials.add(serialOf(der.toString("hex", start, end)));
    at = entry.end;
  }
  return serials;
}

/** Lower case, without leading zeros. @param hex of the number's bytes, in whatever case */
export function serialOf(hex: string): string {
  return hex.toLowerCase().replace(/^0+(?=.)/, "");
}

function revokedEntries(der: Buffer, signed: Value): Value | undefined {
  let at = signed.start;
  const next = (): Value | undefined => {
    if (at >= signed.end) return undefined;
    const value = read(der, at, signed.end);
    at = value.end;
    return value;
  };
  let value = next();
  if (value?.tag === INTEGER) value = next();
  const [algorithm, issuer, thisUpdate] = [value, next(), next()];
  const isList = algorithm?.tag === SEQUENCE && issuer?.tag === SEQUENCE && isTime(thisUpdate);
  if (!isList) throw malformed();
  value = next();
  if (isTime(value)) value = next();
  return value?.tag === SEQUENCE ? value : undefined;
}

function isTime(value: Value | undefined): boolean {
  return value?.tag === UTC_TIME || value?.tag === GENERALIZED_TIME;
}

function read(der: Buffer, at: number, limit: number, tag?: number): Value {
  const first = der[at + 1];
  if (first === undefined || (tag !== undefined && der[at] !== tag)) throw malformed();
  let start = at + 2;
  let length = first;
  if (first >= 0x80) {
    const lengthBytes = first - 0x80;
    if (lengthBytes < 1 || lengthBytes > 4 || start + lengthBytes > limit) throw malformed();
    length = der.readUIntBE(start, lengthBytes);
    start += lengthBytes;
  }
  if (start + length > limit) throw malformed();
  return { tag: der[at] as number, start, end: start + length };
}

function malformed(): Error {
  return new Error("x509: malformed crl");
}
