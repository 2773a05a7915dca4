import type { Socket } from "node:net";
import { connect, createSecureContext, type PeerCertificate, type SecureContext } from "node:tls";
import type { Log } from "../base/log.ts";
import { mismatch, namesOf } from "./certificate-names.ts";
import { type Credentials, dialOptions } from "./credentials.ts";
import { isMissingFile } from "./reloaded-files.ts";
import { allowanceRefusal, type TlsProfile, type TlsTerms } from "./tls-profile.ts";

export type Destination = (
  | { readonly host: string; readonly port: number }
  | { readonly socketPath: string }
) & {
  /** The connection emits `timeout` whenever it has rested for so many milliseconds. */
  readonly timeout?: number;
};

export interface TlsDialerOptions {
  readonly log: Log;
  readonly profile: TlsProfile;
  readonly terms: TlsTerms;
  /** Absent: there is no certificate to show. */
  readonly credentials: Credentials | undefined;
}

/** Opens connections to other members. */
export class TlsDialer {
  readonly #options: TlsDialerOptions;
  readonly #context: () => SecureContext;
  /** Undefined: what is dialed. */
  #expectedName: string | undefined;

  constructor(options: TlsDialerOptions) {
    const { profile, terms, credentials } = options;
    this.#options = options;
    if (credentials === undefined) {
      let bare: SecureContext | undefined;
      this.#context = () => {
        bare ??= createSecureContext(dialOptions(profile, terms));
        return bare;
      };
    } else this.#context = () => this.#loaded(credentials);
  }

  /** From now on whoever is dialed must be called so, wherever it is, and is asked for so. */
  readonly expectName = (name: string): void => {
    this.#expectedName = name;
  };

  /**
   * A connection under way; it fails when the other side's certificate is not one to trust.
   * @throws when this side's own certificate or the trusted authorities cannot be read
   */
  readonly dial = (destination: Destination): Socket => {
    const { profile } = this.#options;
    return connect({
      ...destination,
      ...("socketPath" in destination && { path: destination.socketPath }),
      ...(this.#expectedName !== undefined && { servername: this.#expectedName }),
      secureContext: this.#context(),
      rejectUnauthorized: !profile.isSelfSigned,
      checkServerIdentity: (host, certificate) => this.#refusal(host, certificate),
    });
  };

  #loaded(credentials: Credentials): SecureContext {
    const { log, profile } = this.#options;
    try {
      return credentials.client;
    } catch (error) {
      const { certFile, keyFile, clientCertFile, clientKeyFile } = profile;
      const isSplit = clientCertFile !== "";
      const message = isMissingFile(error)
        ? "failed to find client cert files"
        : "failed to create client certificate";
      log.warn(message, {
        "cert-file": isSplit ? clientCertFile : certFile,
        "key-file": isSplit ? clientKeyFile : keyFile,
        error,
      });
      throw error;
    }
  }

  #refusal(host: string, certificate: PeerCertificate): Error | undefined {
    const names = namesOf(certificate);
    const problem = mismatch(names, host) ?? this.#allowance(certificate);
    return problem === undefined ? undefined : new Error(problem);
  }

  /** Who may dial in is also who may be dialed, once this side has a certificate itself. */
  #allowance(certificate: PeerCertificate): string | undefined {
    const { credentials, profile } = this.#options;
    if (credentials === undefined) return undefined;
    return allowanceRefusal(namesOf(certificate), profile);
  }
}
