// The text of `--feature-gates`, as etcd 3.6 reads it.
import { boolOf } from "./flag-set.ts";

export const STAGES: ReadonlyMap<string, "alpha" | "beta"> = new Map([
  ["StopGRPCServiceOnDefrag", "alpha"],
  ["InitialCorruptCheck", "alpha"],
  ["CompactHashCheck", "alpha"],
  ["TxnModeWriteWithSharedBuffer", "beta"],
  ["LeaseCheckpoint", "alpha"],
  ["LeaseCheckpointPersist", "alpha"],
  ["SetMemberLocalAddr", "alpha"],
]);
const WHOLE_STAGES = ["AllAlpha", "AllBeta"];

export function gatesProblem(text: string): string | undefined {
  const parsed = parseGates(text);
  return typeof parsed === "string" ? parsed : undefined;
}

/** What each gate is set to, or what is wrong with the text, in etcd's words. */
export function parseGates(text: string): ReadonlyMap<string, boolean> | string {
  const gates = new Map<string, boolean>();
  for (const item of text.split(",").filter((each) => each !== "")) {
    const equals = item.indexOf("=");
    const gate = (equals < 0 ? item : item.slice(0, equals)).trim();
    if (equals < 0) return `missing bool value for ${gate}`;
    const word = item.slice(equals + 1).trim();
    const value = boolOf(word);
    if (value === undefined) {
      const reason = `strconv.ParseBool: parsing ${JSON.stringify(word)}: invalid syntax`;
      return `invalid value of ${gate}=${word}, err: ${reason}`;
    }
    gates.set(gate, value);
  }
  const unknown = [...gates.keys()].find(
    (gate) => !STAGES.has(gate) && !WHOLE_STAGES.includes(gate),
  );
  return unknown === undefined ? gates : `unrecognized feature gate: ${unknown}`;
}
