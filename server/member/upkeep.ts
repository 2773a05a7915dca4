import type { ReplicatedState } from "../apply/replicated-state.ts";
import { hexId } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { formatMs } from "../base/duration.ts";
import type { Log } from "../base/log.ts";
import type { Config } from "../config.ts";
import { CompactionRequest } from "../proto/gen/rpc.ts";
import { encodeInternal, InternalField } from "../proto/internal-codec.ts";
import { AutoCompaction } from "../replica/auto-compaction.ts";
import { CorruptionChecks } from "../replica/corruption-checks.ts";
import type { Duties } from "../replica/duties.ts";
import { LeaderRounds } from "../replica/leader-rounds.ts";
import type { Replica } from "../replica/replica.ts";
import type { PeerCalls } from "../transport/peer-calls.ts";

export interface UpkeepParts {
  readonly config: Config;
  readonly state: ReplicatedState;
  readonly replica: Replica;
  readonly duties: Duties;
  readonly clock: Clock;
  readonly log: Log;
  readonly calls: (id: bigint) => PeerCalls | undefined;
}

/** What a member was told to do by itself, from time to time: compact, and look for corruption. */
export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #compaction: AutoCompaction;
  readonly #checks: CorruptionChecks;
  readonly #rounds: LeaderRounds;

  constructor(parts: UpkeepParts) {
    const { config, state, replica, duties, clock, log, calls } = parts;
    this.#parts = parts;
    this.#compaction = new AutoCompaction({
      // Without a mode nothing is retained either, and so neither has an effect.
      mode: config.autoCompactionMode || "periodic",
      retention: config.autoCompactionRetention,
      clock,
      log: log.named("replica/auto-compaction"),
      revision: () => (state.isReplacing ? undefined : state.kv.revision),
      isLeader: () => replica.isLeader,
      compact: (revision) => compact(replica, revision),
    });
    this.#checks = new CorruptionChecks({
      state,
      clock,
      log: log.named("replica/corruption-checks"),
      calls,
      readBarrier: () => replica.readBarrier(),
      raise: (memberId) => duties.raiseCorrupt(memberId),
    });
    this.#rounds = new LeaderRounds({ clock, log, isLeader: () => replica.isLeader });
  }

  /**
   * Before anybody is served.
   * @throws CorruptionError when this member's data differ from its peers'
   */
  async checkBeforeServing(): Promise<void> {
    if (this.#parts.config.initialCorruptCheck) await this.#checks.initial();
  }

  start(): void {
    const { config, state, log } = this.#parts;
    this.#compaction.start();
    if (config.corruptCheckMs > 0) {
      log.info("enabled corruption checking", {
        "local-member-id": hexId(state.membership.memberId),
        interval: formatMs(config.corruptCheckMs),
      });
      const check = () => this.#checks.periodic();
      this.#rounds.start("failed to check hash KV", config.corruptCheckMs, check);
    }
    if (config.compactHashCheck) {
      const check = () => this.#checks.compactions();
      this.#rounds.start("failed to check compaction hashes", config.compactHashCheckMs, check);
    }
  }

  stop(): void {
    this.#compaction.stop();
    this.#rounds.stop();
  }
}

async function compact(replica: Replica, revision: number): Promise<void> {
  const id = replica.nextId();
  const request = CompactionRequest.encode({ revision, physical: false }).finish();
  await replica.propose(id, encodeInternal(InternalField.COMPACTION, request, id));
}
