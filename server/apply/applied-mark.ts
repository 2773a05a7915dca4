import { decodeUint64, encodeUint64 } from "../base/bytes.ts";
import { decodeConfState, encodeConfState } from "../proto/conf-codec.ts";
import type { ConfState } from "../raft/entry.ts";
import type { Engine, Row, View } from "../storage/engine.ts";

/** The key in the table `meta`. */
export const CONSISTENT_INDEX = Buffer.from("consistent_index");
const TERM = Buffer.from("term");
const CONF_STATE = Buffer.from("confState");

/** How far the log is applied, as it stands in the same table and commit as what was applied. */
export interface AppliedMark {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
}

/** Undefined in a database that nothing was ever applied to. */
export function readAppliedMark(view: View): AppliedMark | undefined {
  const index = view.get("meta", CONSISTENT_INDEX);
  const term = view.get("meta", TERM);
  const confState = view.get("meta", CONF_STATE);
  if (index === undefined || term === undefined || confState === undefined) return undefined;
  return {
    index: Number(decodeUint64(index)),
    term: Number(decodeUint64(term)),
    confState: decodeConfState(confState),
  };
}

/** To be called between two log entries, before the engine commits. */
export function writeAppliedMark(engine: Engine, mark: AppliedMark): void {
  for (const [key, value] of markRows(mark)) engine.put("meta", key, value);
}

/** The rows of a mark in the table `meta`. */
export function markRows({ index, term, confState }: AppliedMark): readonly Row[] {
  return [
    [CONSISTENT_INDEX, encodeUint64(BigInt(index))],
    [TERM, encodeUint64(BigInt(term))],
    [CONF_STATE, encodeConfState(confState)],
  ];
}
