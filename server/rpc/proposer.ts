import { checkApplyGap, checkRequestBytes } from "../admission/limits.ts";
import type { Outcome } from "../apply/outcome.ts";
import type { Quota } from "../apply/quota.ts";
import { EtcdError } from "../errors.ts";
import { encodeInternal, type InternalField } from "../proto/internal-codec.ts";
import type { Replica } from "../replica/replica.ts";

export interface ProposerOptions {
  readonly replica: Replica;
  readonly quota: Quota;
  readonly requestBytesMax: number;
  /** The quota is exceeded: the alarm is to be raised. */
  readonly onSpaceExceeded: () => void;
}

/** From an admitted request to its outcome, through the log. */
export class Proposer {
  readonly #options: ProposerOptions;

  constructor(options: ProposerOptions) {
    this.#options = options;
  }

  /**
   * @param request encoded; copied
   * @param costBytes what it adds to the database, by etcd's estimate
   * @throws EtcdError what applying it gave, or why it was not proposed or not seen applied
   */
  propose(field: InternalField, request: Uint8Array, costBytes = 0): Promise<Outcome> {
    const { replica, quota, requestBytesMax, onSpaceExceeded } = this.#options;
    if (!quota.hasRoom(costBytes)) {
      onSpaceExceeded();
      throw new EtcdError("NoSpace");
    }
    checkApplyGap(replica.committedIndex, replica.appliedIndex);
    const id = replica.nextId();
    const data = encodeInternal(field, request, id);
    checkRequestBytes(data.length, requestBytesMax);
    return replica.propose(id, data);
  }
}
