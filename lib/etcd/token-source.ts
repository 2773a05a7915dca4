import { Metadata } from "@grpc/grpc-js";
import { AuthDefinition } from "../../server/proto/gen/rpc.ts";
import type { Channel } from "./channel.ts";
import { ClusterError } from "./cluster-error.ts";

export interface EtcdUser {
  readonly name: string;
  readonly password: string;
}

const AUTHENTICATE_MS = 5_000;

/**
 * etcd's token for one user, the same for all members: fetched when first needed, and kept until
 * forgotten. It is asked of the member that the request is for, once for all that wait there, so
 * that one that keeps silent holds up nobody else; whichever answers first answers for all.
 */
export class TokenSource {
  readonly #user: EtcdUser;
  /** With `token` undefined the cluster has authentication switched off. */
  #known: { readonly token: string | undefined } | undefined;
  readonly #fetches = new Map<Channel, Promise<void>>();
  readonly #waiting = new Set<(token: string | undefined) => void>();

  constructor(user: EtcdUser) {
    this.#user = user;
  }

  /**
   * `undefined` while the cluster has authentication switched off. Waits until then (ms since 1970)
   * at most, and no longer than `signal` lets it. Throws ClusterError with `neverSent`: the request
   * that the token is for has not been sent.
   */
  async token(channel: Channel, until: number, signal?: AbortSignal): Promise<string | undefined> {
    if (this.#known !== undefined) return this.#known.token;
    const fetched = this.#fetches.get(channel) ?? this.#fetch(channel);
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", cancel);
        this.#waiting.delete(arrived);
      };
      const arrived = (token: string | undefined): void => {
        leave();
        resolve(token);
      };
      const failed = (error: unknown): void => {
        leave();
        reject(error);
      };
      const cancel = (): void => {
        failed(new ClusterError("unavailable", "the request was cancelled", { neverSent: true }));
      };
      const endpoint = channel.endpoint.url;
      const late = new ClusterError("timeout", `${endpoint} did not answer in time`, {
        endpoint,
        neverSent: true,
      });
      const timer = setTimeout(() => failed(late), Math.max(until - Date.now(), 0));
      signal?.addEventListener("abort", cancel, { once: true });
      this.#waiting.add(arrived);
      fetched.catch(failed);
      if (signal?.aborted) cancel();
    });
  }

  /** Does nothing to a newer one that somebody has fetched meanwhile. */
  forget(token: string | undefined): void {
    if (this.#known?.token === token) this.#known = undefined;
  }

  forgetAny(): void {
    this.#known = undefined;
  }

  #fetch(channel: Channel): Promise<void> {
    const fetched = (async () => {
      try {
        const token = await this.#authenticate(channel);
        this.#known ??= { token };
        for (const arrived of this.#waiting) arrived(this.#known.token);
      } finally {
        this.#fetches.delete(channel);
      }
    })();
    this.#fetches.set(channel, fetched);
    return fetched;
  }

  async #authenticate(channel: Channel): Promise<string | undefined> {
    try {
      const reply = await channel.unary(
        AuthDefinition,
        AuthDefinition.methods.authenticate,
        // What was typed is text: half a pair of UTF-16 must not stand for a byte.
        { name: this.#user.name.toWellFormed(), password: this.#user.password.toWellFormed() },
        new Metadata(),
        AUTHENTICATE_MS,
      );
      return reply.token;
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      const { code, message, etcdCode, endpoint } = error;
      if (etcdCode === "AuthNotEnabled") return undefined;
      throw new ClusterError(code, message, { etcdCode, endpoint, neverSent: true });
    }
  }
}

/** These say that the token is to blame, and that the request had no effect. */
export function blamesToken(error: unknown): boolean {
  return (
    error instanceof ClusterError &&
    (error.etcdCode === "InvalidAuthToken" ||
      error.etcdCode === "AuthOldRevision" ||
      error.etcdCode === "UserEmpty")
  );
}
