import { SystemClock } from "../base/clock.ts";
import { SILENT_LOG } from "../base/log.ts";
import { NoTokens } from "../credentials/tokens.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { Applier, type ApplierOptions } from "./applier.ts";
import { Quota } from "./quota.ts";
import { ReplicatedState } from "./replicated-state.ts";

/** The state of a member, as the engine has it. */
export function stateOn(engine = new MemoryEngine(), memberId = 1n): ReplicatedState {
  return new ReplicatedState({
    engine,
    membership: { memberId, clusterId: 1n },
    leaseTtlMinSeconds: 2,
    clock: new SystemClock(),
    serverVersion: "3.5.16",
  });
}

/** An applier that tells nobody anything and has room without end, but for what is given. */
export function applierOf(
  state: ReplicatedState,
  given: Partial<Omit<ApplierOptions, "state">> = {},
): Applier {
  return new Applier({
    state,
    quota: new Quota(Infinity, () => 0),
    log: SILENT_LOG,
    onChanges: () => undefined,
    onCompacted: () => undefined,
    tokens: new NoTokens(),
    onSpaceExceeded: () => undefined,
    ...given,
  });
}
