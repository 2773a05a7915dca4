import type { LeaderKey } from "../../../server/proto/gen/election.ts";
import type {
  LeaseGrantResponse,
  MemberAddResponse,
  ResponseHeader,
} from "../../../server/proto/gen/rpc.ts";
import type { Names } from "./normal-form.ts";
import type { Message, Ref } from "./step.ts";

export interface Origin {
  /** Names of what is fixed for the server: its own ids and addresses. */
  readonly names: Names;
  readonly selfId: bigint;
  /** The revision at which the history begins, the same on all servers. */
  readonly startRevision: number;
}

const NOBODYS = 1_000_000n;
const NO_LEADER = { name: Buffer.from("a"), key: Buffer.from("a/1"), rev: 1, lease: 1n };

/** What one server has decided in the course of a history, and what the history calls it. */
export class OwnIds {
  readonly #origin: Origin;
  readonly #ids: Map<bigint, string>;
  readonly #leases: bigint[] = [];
  readonly #members: bigint[] = [];
  readonly #leaders: LeaderKey[] = [];
  /** The newest that an answer has told. */
  #revision: number;
  #compacted: number;

  constructor(origin: Origin) {
    this.#origin = origin;
    this.#ids = new Map(origin.names.ids);
    this.#revision = origin.startRevision;
    this.#compacted = origin.startRevision;
  }

  get revision(): number {
    return this.#revision;
  }

  get compacted(): number {
    return this.#compacted;
  }

  get names(): Names {
    return { ids: this.#ids, texts: this.#origin.names.texts };
  }

  /** Before there is one, an id that nobody has. */
  known({ ref, n }: Ref): unknown {
    switch (ref) {
      case "revision":
        return this.#origin.startRevision + n;
      case "kept":
        return this.#compacted + n;
      case "self":
        return this.#origin.selfId;
      case "leader":
        return this.#leaders[n] ?? NO_LEADER;
      case "lease":
        return this.#leases[n] ?? NOBODYS + BigInt(n);
      case "member":
        return this.#members[n] ?? NOBODYS + BigInt(n);
    }
  }

  /** @param request with its references resolved */
  learn(call: string, request: Message, response: object): void {
    const { header } = response as { header?: ResponseHeader | undefined };
    this.#revision = Math.max(this.#revision, header?.revision ?? 0);
    if (call === "KV/Compact") this.#compacted = Number(request["revision"] ?? 0);
    if (call === "Election/Campaign") {
      this.#leaders.push((response as { leader: LeaderKey }).leader);
    }
    if (call === "Lease/LeaseGrant") {
      // What the history has chosen is compared as it is.
      if (BigInt((request["ID"] as number | bigint | undefined) ?? 0) !== 0n) return;
      const { ID } = response as LeaseGrantResponse;
      this.#ids.set(ID, `@lease+${this.#leases.push(ID) - 1}`);
    }
    if (call === "Cluster/MemberAdd") {
      const { ID } = (response as MemberAddResponse).member ?? { ID: 0n };
      this.#ids.set(ID, `@member+${this.#members.push(ID) - 1}`);
    }
  }
}
