import { Metadata } from "@grpc/grpc-js";
import { AuthDefinition } from "../../server/proto/gen/rpc.ts";
import type { Channel } from "./channel.ts";
import { ClusterError } from "./cluster-error.ts";

export interface EtcdUser {
  readonly name: string;
  readonly password: string;
}

const AUTHENTICATE_MS = 5_000;

/** etcd's token for one user: fetched when first needed, once for all that wait, until forgotten. */
export class TokenSource {
  readonly #user: EtcdUser;
  #token: Promise<string | undefined> | undefined;

  constructor(user: EtcdUser) {
    this.#user = user;
  }

  /** `undefined` while the cluster has authentication switched off. */
  token(channel: Channel): Promise<string | undefined> {
    if (this.#token === undefined) {
      const fetched = this.#authenticate(channel);
      fetched.catch(() => {
        if (this.#token === fetched) this.#token = undefined;
      });
      this.#token = fetched;
    }
    return this.#token;
  }

  forget(): void {
    this.#token = undefined;
  }

  async #authenticate(channel: Channel): Promise<string | undefined> {
    try {
      const reply = await channel.unary(
        AuthDefinition,
        AuthDefinition.methods.authenticate,
        { name: this.#user.name, password: this.#user.password },
        new Metadata(),
        AUTHENTICATE_MS,
      );
      return reply.token;
    } catch (error) {
      if (error instanceof ClusterError && error.etcdCode === "AuthNotEnabled") return undefined;
      throw error;
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
