import { constants } from "node:crypto";
import {
  createSecureContext,
  getCACertificates,
  type SecureContext,
  type SecureContextOptions,
} from "node:tls";
import { parseAuthorities } from "./authorities.ts";
import { cipherList } from "./cipher-suites.ts";
import { checkPair } from "./pem-pair.ts";
import { ReloadedFiles, readWhole } from "./reloaded-files.ts";
import { parseRevocations } from "./revocations.ts";
import { checkProfile, type TlsProfile, type TlsTerms } from "./tls-profile.ts";

/**
 * The files of one side, as they stand now: certificates, keys and revocation list are read again
 * when they change, so that each handshake goes by what is there. The authorities that are trusted
 * are read once, like etcd does.
 */
export class Credentials {
  readonly profile: TlsProfile;
  readonly #terms: TlsTerms;
  readonly #server: ReloadedFiles<SecureContext>;
  /** Made when the first connection is opened: a member's client side opens none. */
  #client: ReloadedFiles<SecureContext> | undefined;
  readonly #revoked: ReloadedFiles<ReadonlySet<string>> | undefined;

  /** @throws Error with etcd's text for a profile that etcd refuses or files that are no pair */
  constructor(profile: TlsProfile, terms: TlsTerms) {
    checkProfile(profile);
    this.profile = profile;
    this.#terms = terms;
    const { certFile, keyFile, clientCertFile, clientKeyFile, crlFile } = profile;
    const ca = this.isVerifyingClients ? authoritiesOf(profile) : undefined;
    this.#server = pairOf(certFile, keyFile, { ...contextOptions(terms), ca });
    if (crlFile !== "") {
      this.#revoked = new ReloadedFiles([crlFile], ([list]) => parseRevocations(list as Buffer));
    }
    // A member whose own files are broken does not start.
    void this.#server.value;
    if (clientCertFile !== "") void pairOf(clientCertFile, clientKeyFile, {}).value;
  }

  /** Whoever connects must show a certificate that a trusted authority vouches for. */
  get isVerifyingClients(): boolean {
    return this.profile.clientCertAuth || this.profile.trustedCaFile !== "";
  }

  /** What to show those who connect. @throws Error when the files cannot be read or are no pair */
  get server(): SecureContext {
    return this.#server.value;
  }

  /** What to show when dialing. @throws like `server` */
  get client(): SecureContext {
    const { certFile, keyFile, clientCertFile, clientKeyFile } = this.profile;
    const [cert, key] =
      clientCertFile === "" ? [certFile, keyFile] : [clientCertFile, clientKeyFile];
    this.#client ??= pairOf(cert, key, dialOptions(this.profile, this.#terms));
    return this.#client.value;
  }

  /** Serial numbers, or undefined without a list. @throws when the list cannot be read */
  get revoked(): ReadonlySet<string> | undefined {
    return this.#revoked?.value;
  }
}

/** For opening connections, but without a certificate. @throws when the authorities cannot be read */
export function dialOptions(profile: TlsProfile, terms: TlsTerms): SecureContextOptions {
  return { ...contextOptions(terms), ca: authoritiesOf(profile) };
}

/** Whom to believe. Reading those of the system takes a tenth of a second. */
function authoritiesOf({ trustedCaFile, isSelfSigned }: TlsProfile): string[] | undefined {
  if (isSelfSigned) return undefined;
  return trustedCaFile === ""
    ? getCACertificates("system")
    : parseAuthorities(readWhole(trustedCaFile));
}

function contextOptions(terms: TlsTerms): SecureContextOptions {
  return {
    // Go trusts what a file of authorities holds, roots or not.
    allowPartialTrustChain: true,
    ciphers: cipherList(terms.cipherSuites),
    honorCipherOrder: true,
    minVersion: terms.minVersion,
    maxVersion: terms.maxVersion,
    // Without resumption every handshake verifies all there is to verify.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  };
}

function pairOf(
  certFile: string,
  keyFile: string,
  options: SecureContextOptions,
): ReloadedFiles<SecureContext> {
  return new ReloadedFiles([certFile, keyFile], ([cert, key]) =>
    loadPair(cert as Buffer, key as Buffer, options),
  );
}

/** @throws Error, in Go's words where it has some */
function loadPair(cert: Buffer, key: Buffer, options: SecureContextOptions): SecureContext {
  checkPair(cert, key);
  try {
    return createSecureContext({ ...options, cert, key });
  } catch (error) {
    throw pairError(error);
  }
}

function pairError(error: unknown): unknown {
  if (!(error instanceof Error && "code" in error)) return error;
  switch (error.code) {
    case "ERR_OSSL_X509_KEY_VALUES_MISMATCH":
      return new Error("tls: private key does not match public key", { cause: error });
    case "ERR_OSSL_X509_KEY_TYPE_MISMATCH":
      return new Error("tls: private key type does not match public key type", { cause: error });
    case "ERR_OSSL_UNSUPPORTED":
      return new Error("tls: failed to parse private key", { cause: error });
    default:
      return error;
  }
}
