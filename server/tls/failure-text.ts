/** The client went without a word. */
export const EOF = "EOF";

/** Where Go's words are not OpenSSL's. */
const ALERTS: Readonly<Record<string, string>> = {
  UNKNOWN_CA: "unknown certificate authority",
  CERTIFICATE_EXPIRED: "expired certificate",
  CERTIFICATE_REVOKED: "revoked certificate",
  CERTIFICATE_UNKNOWN: "unknown certificate",
  PROTOCOL_VERSION: "protocol version not supported",
};

const HANDSHAKE: Readonly<Record<string, string>> = {
  ERR_SSL_HTTP_REQUEST: "tls: first record does not look like a TLS handshake",
  ERR_SSL_WRONG_VERSION_NUMBER: "tls: first record does not look like a TLS handshake",
  ERR_SSL_NO_SHARED_CIPHER: "tls: no cipher suite supported by both client and server",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "tls: client offered only unsupported versions",
  ERR_TLS_HANDSHAKE_TIMEOUT: "i/o timeout",
  ECONNRESET: EOF,
};

/** Why a handshake failed, in Go's words where it has some. */
export function failureText(error: Error): string {
  const code = "code" in error ? String(error.code) : "";
  const alert = /^ERR_SSL_\S*_ALERT_(\w+)$/.exec(code)?.[1];
  if (alert !== undefined) return `remote error: tls: ${alertText(alert)}`;
  return HANDSHAKE[code] ?? error.message;
}

/** Go's word for an alert of OpenSSL's. */
function alertText(alert: string): string {
  return ALERTS[alert] ?? alert.toLowerCase().replaceAll("_", " ");
}
