import { AlarmStore } from "../alarm/alarm-store.ts";
import { AuthStore } from "../auth/auth-store.ts";
import type { Clock } from "../base/clock.ts";
import { EtcdError } from "../errors.ts";
import { LeaseCounts } from "../lease/lease-counts.ts";
import { Lessor } from "../lease/lessor.ts";
import { Membership, type MembershipOptions } from "../membership/membership.ts";
import { OperationCounts } from "../mvcc/operation-counts.ts";
import { MvccStore } from "../mvcc/store.ts";
import type { ConfState } from "../raft/entry.ts";
import type { Engine } from "../storage/engine.ts";
import type { FrameFile } from "../storage/frame-file.ts";
import { type AppliedMark, readAppliedMark, writeAppliedMark } from "./applied-mark.ts";

export interface ReplicatedStateOptions {
  readonly engine: Engine;
  /** Where the index of keys was saved, if anywhere. */
  readonly indexFile?: FrameFile;
  readonly membership: MembershipOptions;
  /** Shorter leases are raised to it. */
  readonly leaseTtlMinSeconds: number;
  /** Lease clocks run on it, on the leader only; nothing replicated depends on it. */
  readonly clock: Clock;
  /** Of this member: no cluster version may pass it. */
  readonly serverVersion: string;
}

const NOTHING_APPLIED: AppliedMark = {
  index: 0,
  term: 0,
  confState: { voters: [], learners: [] },
};

/**
 * All that the log decides, over one engine. The parts are replaced when a snapshot takes the place
 * of the whole content: ask for them each time, keep none.
 */
export class ReplicatedState {
  readonly engine: Engine;
  readonly serverVersion: string;
  readonly membership: Membership;
  readonly operationCounts: OperationCounts = new OperationCounts();
  readonly leaseCounts: LeaseCounts = new LeaseCounts();
  readonly #options: ReplicatedStateOptions;
  #kv: MvccStore;
  #lessor: Lessor;
  #alarms: AlarmStore;
  #auth: AuthStore;
  #applied: AppliedMark;
  #isReplacing = false;

  /** Reads what the engine holds: of a million keys the saved index, or for seconds all records. */
  constructor(options: ReplicatedStateOptions) {
    const { engine } = options;
    this.#options = options;
    this.engine = engine;
    this.serverVersion = options.serverVersion;
    this.membership = new Membership(engine, options.membership);
    this.#applied = readAppliedMark(engine) ?? NOTHING_APPLIED;
    this.#lessor = Lessor.open(engine, options.leaseTtlMinSeconds, this.leaseCounts);
    const attach = (lease: bigint, key: Buffer) => this.#lessor.attach(lease, key);
    this.#kv = MvccStore.open(engine, attach, options.indexFile?.read());
    this.#alarms = AlarmStore.open(engine);
    this.#auth = AuthStore.open(engine);
  }

  /** Monotonic ms, for the clocks of leases. */
  get nowMs(): number {
    return this.#options.clock.monotonic();
  }

  /** Between `beginReplacing` and the end of `reopening`: there is nothing to read. */
  get isReplacing(): boolean {
    return this.#isReplacing;
  }

  /** @throws EtcdError LeaderChanged while the state is being replaced: ask again */
  get kv(): MvccStore {
    this.#checkReadable();
    return this.#kv;
  }

  get lessor(): Lessor {
    this.#checkReadable();
    return this.#lessor;
  }

  get alarms(): AlarmStore {
    this.#checkReadable();
    return this.#alarms;
  }

  get auth(): AuthStore {
    this.#checkReadable();
    return this.#auth;
  }

  /** How far the log is applied, in memory. */
  get applied(): AppliedMark {
    return this.#applied;
  }

  advance(index: number, term: number): void {
    this.#applied = { index, term, confState: this.#applied.confState };
  }

  setConfState(confState: ConfState): void {
    this.#applied = { ...this.#applied, confState };
  }

  /** Puts the applied position next to what was applied; to be called before a commit. */
  mark(): void {
    writeAppliedMark(this.engine, this.#applied);
  }

  /** The engine's content is about to be replaced; what was read of it no longer counts. */
  beginReplacing(): void {
    this.#isReplacing = true;
  }

  /**
   * After the engine's content was replaced: reads everything again, in slices of a few ms.
   * @param applied what the new content stands for
   */
  *reopening(applied: AppliedMark): Generator<void, void> {
    const { engine } = this;
    const lessor = Lessor.open(engine, this.#options.leaseTtlMinSeconds, this.leaseCounts);
    this.#kv = yield* MvccStore.opening(engine, (lease, key) => {
      lessor.attach(lease, key);
    });
    this.#lessor = lessor;
    this.#alarms = AlarmStore.open(engine);
    this.#auth = AuthStore.open(engine);
    this.#applied = applied;
    this.membership.reload(applied.confState);
    this.#isReplacing = false;
  }

  #checkReadable(): void {
    if (this.#isReplacing) throw new EtcdError("LeaderChanged");
  }
}
