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

const badCertificate = (text: string): Verdict => ({
  text: `${PREFIX}${text}`,
  alert: Alert.BAD_CERTIFICATE,
});

/** By the runtime's codes, and where it has none for it by OpenSSL's words. */
const VERDICTS: Readonly<Record<string, Verdict>> = {
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN,
  CERT_SIGNATURE_FAILURE: UNKNOWN,
  INVALID_CA: UNKNOWN,
  "key usage does not include certificate signing": UNKNOWN,
  "CA signature digest algorithm too weak": UNKNOWN,
  CERT_HAS_EXPIRED: NOT_VALID_NOW,
  CERT_NOT_YET_VALID: NOT_VALID_NOW,
  INVALID_PURPOSE: badCertificate("certificate specifies an incompatible key usage"),
  PATH_LENGTH_EXCEEDED: badCertificate("too many intermediates for path length constraint"),
};

/** Why a client that had to show a certificate is refused; undefined when it is not. */
export function refusalOf(socket: TLSSocket, profile: TlsProfile): Verdict | undefined {
  const certificate = socket.getPeerCertificate();
  if (certificate?.raw === undefined) {
    const text = "tls: client didn't provide a certificate";
    return { text, alert: Alert.CERTIFICATE_REQUIRED };
  }
  if (!socket.authorized) return verdictOn(socket);
  const text = allowanceRefusal(namesOf(certificate), profile);
  return text === undefined ? undefined : { text, alert: Alert.BAD_CERTIFICATE };
}

function verdictOn(socket: TLSSocket): Verdict {
  const { code, message } = verifyErrorOf(socket);
  return VERDICTS[code] ?? VERDICTS[message] ?? badCertificate(message);
}

/** Of many of OpenSSL's errors the documented code is `UNSPECIFIED`, and only the handle has the words. */
function verifyErrorOf(socket: TLSSocket): { readonly code: string; readonly message: string } {
  const { ssl, authorizationError } = socket as TLSSocket & {
    readonly ssl?: { verifyError(): { code: string; message: string } | null } | null;
  };
  const code = String(authorizationError);
  return ssl?.verifyError() ?? { code, message: code };
}
