import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { MemberRecord } from "../etcd/members.ts";
import type { ConsoleStore, RecordKey } from "./store.ts";

/** The members of a cluster as they were last known. */
export interface KnownMembers {
  readonly clusterId: bigint;
  readonly members: readonly MemberRecord[];
  /** Ms since 1970. */
  readonly at: number;
}

/** How stale the stored time may be while the list stays the same. */
const REWRITE_MS = 5 * 60_000;

const Stored = z.object({
  endpoints: z.array(z.string()),
  clusterId: z.coerce.bigint(),
  at: z.number(),
  members: z.array(
    z.object({
      ID: z.coerce.bigint(),
      name: z.string(),
      peerURLs: z.array(z.string()),
      clientURLs: z.array(z.string()),
      isLearner: z.boolean(),
    }),
  ),
});

/**
 * Keeps a cluster's member list over restarts: it is wanted most when nobody can be asked. It holds
 * for the endpoints that it was read over: behind others there may be another cluster.
 */
export class MemberMemory {
  readonly #store: ConsoleStore;
  readonly #key: RecordKey;
  readonly #endpoints: readonly string[];
  #written: { readonly text: string; readonly at: number } | undefined;

  /** The order of the endpoints does not matter. */
  constructor(store: ConsoleStore, connection: string, endpoints: readonly string[]) {
    this.#store = store;
    this.#key = ["members", connection];
    this.#endpoints = endpoints.toSorted();
  }

  load(): KnownMembers | undefined {
    const stored = Stored.safeParse(this.#store.get(this.#key)).data;
    if (stored === undefined) return undefined;
    const { endpoints, ...known } = stored;
    return isDeepStrictEqual(endpoints, this.#endpoints) ? known : undefined;
  }

  /** Never throws: a console that cannot remember shows what it sees all the same. */
  save(known: KnownMembers): void {
    const members = known.members.map((member) => ({ ...member, ID: String(member.ID) }));
    const clusterId = String(known.clusterId);
    const text = JSON.stringify([clusterId, members]);
    const last = this.#written;
    if (last !== undefined && last.text === text && known.at - last.at < REWRITE_MS) return;
    const record = { endpoints: this.#endpoints, clusterId, at: known.at, members };
    const isWritten = this.#store.putIfPossible(this.#key, record);
    if (isWritten) this.#written = { text, at: known.at };
  }
}
