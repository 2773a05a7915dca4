import { Access } from "../auth/access.ts";
import type { AuthStore } from "../auth/auth-store.ts";
import { type Identity, NOBODY } from "../auth/identity.ts";
import type { Log } from "../base/log.ts";
import { fingerprint } from "../credentials/fingerprint.ts";
import type { MaybeSoon, Tokens } from "../credentials/tokens.ts";
import { EtcdError } from "../errors.ts";
import type { Metadata } from "../http2/metadata.ts";

/** What a call shows of whoever makes it. */
export interface CallOrigin {
  readonly metadata: Metadata;
  /** Of a certificate that the caller proved to have; a token counts before it. */
  readonly peerCertificateName: string | undefined;
}

export interface CallersOptions {
  /** The store of now: another one after a snapshot was installed. */
  readonly auth: () => AuthStore;
  readonly tokens: Tokens;
  readonly log: Log;
}

const BEARER = "Bearer ";
/** What a gateway of etcd's outside this process sends along with the calls of its clients. */
const PROXIED = "grpcgateway-accept";

/** Who calls, and what he may. While auth is off nobody is asked and everything is allowed. */
export class Callers {
  readonly #options: CallersOptions;

  constructor(options: CallersOptions) {
    this.#options = options;
  }

  /** @throws EtcdError InvalidAuthToken, or why a token could not be looked up */
  identify(origin: CallOrigin): MaybeSoon<Identity> {
    const { auth, tokens } = this.#options;
    if (!auth().isEnabled) return NOBODY;
    const { metadata } = origin;
    const sent = metadata.get("token") ?? metadata.get("authorization");
    if (sent === undefined) return this.#certified(origin);
    const token = sent.startsWith(BEARER) ? sent.slice(BEARER.length) : sent;
    const found = tokens.holder(token, () => auth().revision);
    if (!(found instanceof Promise)) return this.#valid(found, token);
    return found.then((identity) => this.#valid(identity, token));
  }

  /** @throws EtcdError as `identify` */
  async access(origin: CallOrigin): Promise<Access> {
    const identity = await this.identify(origin);
    return new Access(this.#options.auth(), identity);
  }

  /**
   * That the caller is anybody at all.
   * @throws EtcdError UserEmpty, and as `identify`
   */
  checkUser(origin: CallOrigin): MaybeSoon<void> {
    return this.checkAccess(origin, (access) => access.checkNamed());
  }

  /**
   * That the caller has the root role.
   * @throws EtcdError UserEmpty, UserNotFound, PermissionDenied, and as `identify`
   */
  checkRoot(origin: CallOrigin): MaybeSoon<void> {
    return this.checkAccess(origin, (access) => access.checkRoot());
  }

  /** At once where the caller is known at once. @throws EtcdError as `check` and `identify` */
  checkAccess(origin: CallOrigin, check: (access: Access) => void): MaybeSoon<void> {
    const { auth } = this.#options;
    if (!auth().isEnabled) return;
    const identity = this.identify(origin);
    if (!(identity instanceof Promise)) return check(new Access(auth(), identity));
    return identity.then((known) => check(new Access(auth(), known)));
  }

  #certified({ metadata, peerCertificateName: name }: CallOrigin): Identity {
    if (name === undefined) return NOBODY;
    const { revision } = this.#options.auth();
    if (metadata.get(PROXIED) === undefined) return { username: name, authRevision: revision };
    // The certificate is the gateway's, and says nothing of who calls the gateway.
    const fields = { "common-name": name, "user-name": name, revision };
    this.#options.log.warn("ignoring common name in gRPC-gateway proxy request", fields);
    return NOBODY;
  }

  #valid(identity: Identity | undefined, token: string): Identity {
    if (identity !== undefined) return identity;
    this.#options.log.warn("invalid auth token", { "token-fingerprint": fingerprint(token) });
    throw new EtcdError("InvalidAuthToken");
  }
}
