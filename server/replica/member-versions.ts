import { hexId } from "../base/bytes.ts";
import type { Log } from "../base/log.ts";
import type { Membership } from "../membership/membership.ts";
import type { PeerCalls } from "../transport/peer-calls.ts";

export interface MemberVersionsOptions {
  readonly membership: () => Pick<Membership, "memberId" | "members">;
  readonly serverVersion: string;
  readonly calls: (id: bigint) => Pick<PeerCalls, "version"> | undefined;
  readonly log: Log;
}

/** Which version each member is. */
export class MemberVersions {
  readonly #options: MemberVersionsOptions;
  /** Why a member did not say it when it was asked last. */
  #problems: ReadonlyMap<bigint, string> = new Map();

  constructor(options: MemberVersionsOptions) {
    this.#options = options;
  }

  /**
   * In the order of the members; `undefined` for those out of reach. That is logged when it begins,
   * and when its reason is another one; etcd repeats it every few seconds.
   */
  async ask(): Promise<(string | undefined)[]> {
    const { members } = this.#options.membership();
    const problems = new Map<bigint, string>();
    const versions = await Promise.all(members.map(({ id }) => this.#askOne(id, problems)));
    this.#problems = problems;
    return versions;
  }

  async #askOne(id: bigint, problems: Map<bigint, string>): Promise<string | undefined> {
    const { membership, serverVersion, calls, log } = this.#options;
    if (id === membership().memberId) return serverVersion;
    const member = { "remote-member-id": hexId(id) };
    const unreached: { url: string; error: unknown }[] = [];
    try {
      return (await calls(id)?.version((url, error) => unreached.push({ url, error })))?.server;
    } catch (error) {
      const problem = (error as Error).message;
      problems.set(id, problem);
      if (this.#problems.get(id) === problem) return undefined;
      for (const { url, error: reason } of unreached) {
        const address = `${url}/version`;
        log.warn("failed to reach the peer URL", { address, ...member, error: reason });
      }
      log.warn("failed to get version", { ...member, error });
      return undefined;
    }
  }
}
