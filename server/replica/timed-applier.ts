import type { Applied, AppliedConfChange, Applier, IsAwaited } from "../apply/applier.ts";
import type { OperationName } from "../apply/operation-name.ts";
import { entryText } from "../apply/request-text.ts";
import { totalSize } from "../apply/response.ts";
import type { Clock } from "../base/clock.ts";
import { Distribution, exponentialBounds } from "../base/distribution.ts";
import { isSteps, type Steps } from "../base/steps.ts";
import { decodeEntryContent } from "../proto/internal-codec.ts";
import { uintSize } from "../proto/wire.ts";
import type { Entry } from "../raft/entry.ts";
import type { Message } from "../raft/message.ts";
import type { SlowRequest, SlowRequests } from "./slow-requests.ts";

/** What a response has in front of its body: a header with nothing but the revision. */
const HEADER_BYTES = 3;

const SECONDS = exponentialBounds(0.0001, 2, 20);

export interface ApplyTime {
  readonly operation: OperationName;
  readonly isSuccess: boolean;
  readonly seconds: Distribution;
}

/** Applies, and notes how long it took, by what was applied and whether it was refused. */
export class TimedApplier {
  readonly #applier: Applier;
  readonly #clock: Clock;
  readonly #succeeded = new Map<OperationName, ApplyTime>();
  readonly #failed = new Map<OperationName, ApplyTime>();

  readonly #slow: SlowRequests;

  constructor(applier: Applier, clock: Clock, slow: SlowRequests) {
    this.#applier = applier;
    this.#clock = clock;
    this.#slow = slow;
  }

  /** Of every operation seen so far. */
  get times(): ApplyTime[] {
    return [...this.#succeeded.values(), ...this.#failed.values()];
  }

  /** As `Applier.canPropose`. */
  canPropose(message: Message): boolean {
    return this.#applier.canPropose(message);
  }

  /** As `Applier.apply`. */
  apply(entry: Entry, isAwaited: IsAwaited): Applied | Steps<Applied> | undefined {
    const startedMs = this.#clock.monotonic();
    const applied = this.#applier.apply(entry, isAwaited);
    if (applied === undefined) return undefined;
    if (isSteps(applied)) return this.#timing(entry, applied, startedMs);
    this.#note(entry, applied, startedMs);
    return applied;
  }

  *#timing(entry: Entry, steps: Steps<Applied>, startedMs: number): Steps<Applied> {
    const applied = yield* steps;
    this.#note(entry, applied, startedMs);
    return applied;
  }

  #note(entry: Entry, applied: Applied, startedMs: number): void {
    const tookMs = this.#clock.monotonic() - startedMs;
    this.#observe(applied, tookMs);
    this.#slow.check(tookMs, () => describe(entry, applied));
  }

  /** As `Applier.applyConfChange`. */
  applyConfChange(entry: Entry): AppliedConfChange {
    return this.#applier.applyConfChange(entry);
  }

  /** As `Applier.restored`. */
  restored(): void {
    this.#applier.restored();
  }

  #observe({ operation, outcome }: Applied, durationMs: number): void {
    // Who compacts what is compacted has done nothing wrong: etcd counts it as a success.
    const isSuccess = outcome.error === undefined || outcome.error.code === "Compacted";
    const times = isSuccess ? this.#succeeded : this.#failed;
    let time = times.get(operation);
    if (time === undefined) {
      time = { operation, isSuccess, seconds: new Distribution(SECONDS) };
      times.set(operation, time);
    }
    time.seconds.observe(durationMs / 1000);
  }
}

function describe(entry: Entry, { operation, outcome }: Applied): SlowRequest {
  const { chunks, revision, error } = outcome;
  const size = HEADER_BYTES + uintSize(revision) + totalSize(chunks);
  const isAnswered = error === undefined && operation.version === "v3";
  return {
    prefix: "",
    request: entryText(decodeEntryContent(entry.data)),
    response: isAnswered ? `size:${size}` : "",
    error,
  };
}
