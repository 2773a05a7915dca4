// Whether the certificate that came with a handshake is one to trust: what Go's server finds before
// the handshake is over, and answers with an alert.
import type { TLSSocket } from "node:tls";
import { namesOf } from "./certificate-names.ts";
import { Alert } from "./refusal-alert.ts";
import { allowanceRefusal, type TlsProfile } from "./tls-profile.ts";

export interface Verdict {
  /** In Go's words. */
  readonly text: string;
  readonly alert: Alert;
}

const PREFIX = "tls: failed to verify certificate: x509: ";
const UNKNOWN: Verdict = {
  text: `${PREFIX}certificate signed by unknown authority`,
  alert: Alert.UNKNOWN_CA,
};
const NOT_VALID_NOW: Verdict = {
  text: `${PREFIX}certificate has expired or is not yet valid`,
  alert: Alert.CERTIFICATE_EXPIRED,
};

/** By OpenSSL's codes. */
const VERDICTS: Readonly<Record<string, Verdict>> = {
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN,
  CERT_SIGNATURE_FAILURE: UNKNOWN,
  CERT_HAS_EXPIRED: NOT_VALID_NOW,
  CERT_NOT_YET_VALID: NOT_VALID_NOW,
  INVALID_PURPOSE: {
    text: `${PREFIX}certificate specifies an incompatible key usage`,
    alert: Alert.BAD_CERTIFICATE,
  },
};

/** Why a client that had to show a certificate is refused; undefined when it is not. */
export function refusalOf(socket: TLSSocket, profile: TlsProfile): Verdict | undefined {
  const certificate = socket.getPeerCertificate();
  if (certificate?.raw === undefined) {
    const text = "tls: client didn't provide a certificate";
    return { text, alert: Alert.CERTIFICATE_REQUIRED };
  }
  if (!socket.authorized) {
    // Node's declaration says Error, it gives the code of OpenSSL.
    const code = String(socket.authorizationError);
    return VERDICTS[code] ?? { text: `${PREFIX}${code}`, alert: Alert.BAD_CERTIFICATE };
  }
  const text = allowanceRefusal(namesOf(certificate), profile);
  return text === undefined ? undefined : { text, alert: Alert.BAD_CERTIFICATE };
}
