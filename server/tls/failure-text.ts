import type { TLSSocket } from "node:tls";

const UNKNOWN_AUTHORITY = "x509: certificate signed by unknown authority";

const NOT_VALID_NOW = "x509: certificate has expired or is not yet valid";

const VERIFICATION: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: NOT_VALID_NOW,
  CERT_NOT_YET_VALID: NOT_VALID_NOW,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  CERT_SIGNATURE_FAILURE: UNKNOWN_AUTHORITY,
  INVALID_PURPOSE: "x509: certificate specifies an incompatible key usage",
};

/** Where Go's words are not OpenSSL's. */
const ALERTS: Readonly<Record<string, string>> = {
  UNKNOWN_CA: "unknown certificate authority",
  CERTIFICATE_EXPIRED: "expired certificate",
  CERTIFICATE_REVOKED: "revoked certificate",
  CERTIFICATE_UNKNOWN: "unknown certificate",
  PROTOCOL_VERSION: "protocol version not supported",
};

const HANDSHAKE: Readonly<Record<string, string>> = {
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: "tls: client didn't provide a certificate",
  ERR_SSL_HTTP_REQUEST: "tls: first record does not look like a TLS handshake",
  ERR_SSL_WRONG_VERSION_NUMBER: "tls: first record does not look like a TLS handshake",
  ERR_SSL_NO_SHARED_CIPHER: "tls: no cipher suite supported by both client and server",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "tls: client offered only unsupported versions",
  ERR_TLS_HANDSHAKE_TIMEOUT: "i/o timeout",
  ECONNRESET: "EOF",
};

/** Why a handshake failed, in Go's words where it has some. */
export function failureText(error: Error, socket: TLSSocket): string {
  const refused = verificationCode(socket);
  if (refused !== undefined)
    return `tls: failed to verify certificate: ${VERIFICATION[refused] ?? `x509: ${refused}`}`;
  const code = "code" in error ? String(error.code) : "";
  const alert = /^ERR_SSL_\S*_ALERT_(\w+)$/.exec(code)?.[1];
  if (alert !== undefined) return `remote error: tls: ${alertText(alert)}`;
  return HANDSHAKE[code] ?? error.message;
}

/** Go's word for an alert of OpenSSL's. */
function alertText(alert: string): string {
  return ALERTS[alert] ?? alert.toLowerCase().replaceAll("_", " ");
}

/** Node's declaration says Error, it gives the code of OpenSSL. */
function verificationCode({ authorizationError }: TLSSocket): string | undefined {
  const code: unknown = authorizationError;
  return typeof code === "string" ? code : undefined;
}
