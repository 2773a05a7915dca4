// Switches of etcd 3.6, which it calls feature gates: `--feature-gates=Name=true,Other=false`.
import { parseGates, STAGES } from "./gates.ts";
import { ConfigError, type Given } from "./given.ts";

/** The flags that gates stand for. */
const FLAGS_OF_GATES: Readonly<Record<string, string>> = {
  StopGRPCServiceOnDefrag: "stop-grpc-service-on-defrag",
  InitialCorruptCheck: "initial-corrupt-check",
  CompactHashCheck: "compact-hash-check-enabled",
  TxnModeWriteWithSharedBuffer: "txn-mode-write-with-shared-buffer",
  LeaseCheckpoint: "enable-lease-checkpoint",
  LeaseCheckpointPersist: "enable-lease-checkpoint-persist",
};

const ALWAYS_ON = ["TxnModeWriteWithSharedBuffer", "LeaseCheckpointPersist"];

/** A switch of etcd 3.6, as its metric shows it. */
export interface FeatureGate {
  readonly name: string;
  /** "ALPHA", "BETA" */
  readonly stage: string;
  readonly isOn: boolean;
}

/**
 * Turns gates into the flags that they stand for.
 * @throws ConfigError with etcd's text
 */
export function applyFeatureGates(given: Given): void {
  const named = gatesIn(given);
  for (const stage of ["alpha", "beta"] as const) {
    const all = named.get(stage === "alpha" ? "AllAlpha" : "AllBeta");
    if (all === undefined) continue;
    if (stage === "alpha" && all) {
      throw new ConfigError("--feature-gates=AllAlpha=true is not supported: name the gates");
    }
    for (const [gate, its] of STAGES) {
      if (its === stage && !named.has(gate)) named.set(gate, all);
    }
  }
  for (const [gate, value] of named) {
    const flag = FLAGS_OF_GATES[gate];
    if (flag !== undefined) setFlag(given, `experimental-${flag}`, gate, value);
    else if (gate === "SetMemberLocalAddr" && value) {
      throw new ConfigError(
        "--feature-gates=SetMemberLocalAddr=true is not supported: " +
          "members call each other from the address that the system picks",
      );
    }
  }
}

/**
 * What every gate is set to, after `applyFeatureGates`. What is so here whatever is asked for is on:
 * writes share one buffer, and checkpoints of leases are kept.
 */
export function gatesSet(given: Given): FeatureGate[] {
  const named = gatesIn(given);
  const isOn = (name: string) => {
    const flag = FLAGS_OF_GATES[name];
    if (ALWAYS_ON.includes(name)) return true;
    return flag === undefined ? named.get(name) === true : given.bool(`experimental-${flag}`);
  };
  const all = [...STAGES, ["AllAlpha", "alpha"] as const, ["AllBeta", "beta"] as const];
  return all.map(([name, stage]) => ({ name, stage: stage.toUpperCase(), isOn: isOn(name) }));
}

/** A command line's were judged when it was read; a file's are judged here. */
function gatesIn(given: Given): Map<string, boolean> {
  const parsed = parseGates(given.text("feature-gates"));
  if (typeof parsed === "string") throw new ConfigError(parsed);
  return new Map(parsed);
}

function setFlag(given: Given, flag: string, gate: string, value: boolean): void {
  if (given.has(flag)) {
    const instead = `--feature-gates=${gate}=${value}`;
    throw new ConfigError(
      `cannot specify both flags: --${flag}=${given.bool(flag)} and ${instead} at the same ` +
        `time, please just use ${instead}`,
    );
  }
  given.set(flag, String(value));
}
