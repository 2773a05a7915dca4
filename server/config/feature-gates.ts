// Switches of etcd 3.6, which it calls feature gates: `--feature-gates=Name=true,Other=false`.
import { boolOf } from "./flag-set.ts";
import { ConfigError, type Given } from "./given.ts";

/** A gate, and the flag that it stands for, if there is one. */
const GATES: ReadonlyMap<string, { readonly flag?: string; readonly stage: "alpha" | "beta" }> =
  new Map([
    ["StopGRPCServiceOnDefrag", { flag: "stop-grpc-service-on-defrag", stage: "alpha" }],
    ["InitialCorruptCheck", { flag: "initial-corrupt-check", stage: "alpha" }],
    ["CompactHashCheck", { flag: "compact-hash-check-enabled", stage: "alpha" }],
    ["TxnModeWriteWithSharedBuffer", { flag: "txn-mode-write-with-shared-buffer", stage: "beta" }],
    ["LeaseCheckpoint", { flag: "enable-lease-checkpoint", stage: "alpha" }],
    ["LeaseCheckpointPersist", { flag: "enable-lease-checkpoint-persist", stage: "alpha" }],
    ["SetMemberLocalAddr", { stage: "alpha" }],
  ]);

/**
 * Turns gates into the flags that they stand for.
 * @throws ConfigError with etcd's text
 */
export function applyFeatureGates(given: Given): void {
  const named = parseGates(given.list("feature-gates"));
  for (const stage of ["alpha", "beta"] as const) {
    const all = named.get(stage === "alpha" ? "AllAlpha" : "AllBeta");
    if (all === undefined) continue;
    if (stage === "alpha" && all) {
      throw new ConfigError("--feature-gates=AllAlpha=true is not supported: name the gates");
    }
    for (const [gate, about] of GATES) {
      if (about.stage === stage && !named.has(gate)) named.set(gate, all);
    }
  }
  for (const [gate, value] of named) {
    const flag = GATES.get(gate)?.flag;
    if (flag !== undefined) setFlag(given, `experimental-${flag}`, gate, value);
    else if (gate === "SetMemberLocalAddr" && value) {
      throw new ConfigError(
        "--feature-gates=SetMemberLocalAddr=true is not supported: " +
          "members call each other from the address that the system picks",
      );
    }
  }
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

function parseGates(items: readonly string[]): Map<string, boolean> {
  const gates = new Map<string, boolean>();
  for (const item of items.filter((each) => each !== "")) {
    const equals = item.indexOf("=");
    const gate = (equals < 0 ? item : item.slice(0, equals)).trim();
    if (equals < 0) throw new ConfigError(`missing bool value for ${gate}`);
    const text = item.slice(equals + 1).trim();
    const value = boolOf(text);
    if (value === undefined) {
      const reason = `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`;
      throw new ConfigError(`invalid value of ${gate}=${text}, err: ${reason}`);
    }
    if (!GATES.has(gate) && gate !== "AllAlpha" && gate !== "AllBeta") {
      throw new ConfigError(`unrecognized feature gate: ${gate}`);
    }
    gates.set(gate, value);
  }
  return gates;
}
