import { EMPTY_BYTES, prefixEnd } from "../base/bytes.ts";
import { EtcdError } from "../errors.ts";
import type { AuthStore } from "./auth-store.ts";
import { type Identity, NOBODY } from "./identity.ts";

/** As the end of a range: everything from the key on. As a key: the first of all. */
const OPEN_END = Buffer.alloc(1);

/** What one caller may do, judged by the users and roles at the time of each question. */
export class Access {
  readonly identity: Identity;
  readonly #store: AuthStore;

  constructor(store: AuthStore, identity: Identity) {
    this.#store = store;
    this.identity = identity;
  }

  /** Whose rights they are, and by which users and roles. */
  get holder(): Identity {
    return { username: this.identity.username, authRevision: this.#store.revision };
  }

  /** Everybody is root while auth is off. */
  get isRoot(): boolean {
    if (!this.#store.isEnabled) return true;
    return this.#store.rights(this.identity.username)?.isRoot ?? false;
  }

  /** That the caller is anybody at all. @throws EtcdError UserEmpty */
  checkNamed(): void {
    if (this.#store.isEnabled && this.identity === NOBODY) throw new EtcdError("UserEmpty");
  }

  /** @throws EtcdError UserEmpty, UserNotFound, PermissionDenied */
  checkRoot(): void {
    if (!this.#store.isEnabled) return;
    const { username } = this.identity;
    if (username === "") throw new EtcdError("UserEmpty");
    const rights = this.#store.rights(username);
    if (rights === undefined) throw new EtcdError("UserNotFound");
    if (!rights.isRoot) throw new EtcdError("PermissionDenied");
  }

  /** As a Range reads: an empty end is the key alone. @throws as `checkKeys` */
  checkRead(key: Buffer, rangeEnd: Buffer = EMPTY_BYTES): void {
    this.#checkKeys("readable", key, rangeEnd);
  }

  /** All keys that begin with `prefix`. @throws as `checkKeys` */
  checkReadPrefix(prefix: Buffer): void {
    const first = prefix.length === 0 ? OPEN_END : prefix;
    this.checkRead(first, prefixEnd(prefix) ?? OPEN_END);
  }

  /** @throws as `checkKeys` */
  checkWrite(key: Buffer, rangeEnd: Buffer = EMPTY_BYTES): void {
    this.#checkKeys("writable", key, rangeEnd);
  }

  /** Whether the caller holds a role of that name. */
  holdsRole(name: string): boolean {
    return this.#store.user(this.identity.username)?.roles.includes(name) ?? false;
  }

  /**
   * Users or roles changed since the caller was recognised: what was read for him meanwhile must
   * not be shown.
   * @throws EtcdError AuthOldRevision
   */
  checkUnchanged(): void {
    const { authRevision } = this.identity;
    if (authRevision !== 0 && authRevision !== this.#store.revision) {
      throw new EtcdError("AuthOldRevision");
    }
  }

  /** @throws EtcdError UserEmpty, AuthOldRevision, PermissionDenied */
  #checkKeys(right: "readable" | "writable", key: Buffer, rangeEnd: Buffer): void {
    if (!this.#store.isEnabled) return;
    const { username, authRevision } = this.identity;
    if (authRevision === 0) throw new EtcdError("UserEmpty");
    if (authRevision < this.#store.revision) throw new EtcdError("AuthOldRevision");
    const rights = this.#store.rights(username);
    if (rights === undefined) throw new EtcdError("PermissionDenied");
    if (!rights.isRoot && !rights[right].covers(key, rangeEnd)) {
      throw new EtcdError("PermissionDenied");
    }
  }
}
