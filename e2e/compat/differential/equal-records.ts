import { isResponse, requestOf } from "./answers.ts";
import type { Message, Step } from "./step.ts";

// What a range sorts as equal. Ours keeps it in the order of the keys; Go's sort does so up to 12
// records and mixes more, so that a limit cuts off others. Answers that differ in nothing else are
// the same once every run of equals stands in the order of its keys, and the run that the limit has
// cut tells only how many it has and what they are equal in.

const KEPT_IN_ORDER_MAX = 12;
/** What each target of a sort is about; a key is equal to no other. */
const SORTED_BY = ["key", "version", "createRevision", "modRevision", "value"] as const;
const BY_KEY = 0;
const BY_VALUE = 4;

/** In normal form. */
interface SentRecord {
  readonly key: string;
  readonly [field: string]: unknown;
}

interface RangeAnswer {
  readonly kvs: readonly SentRecord[];
  readonly count: number;
  readonly more: boolean;
}

interface TxnAnswer {
  readonly succeeded: boolean;
  readonly responses: readonly { responseRange?: RangeAnswer; responseTxn?: TxnAnswer }[];
}

/** An answer to KV/Range or KV/Txn without what equals leave open; any other as it is. */
export function withoutOrderOfEquals(step: Step | undefined, answer: string): string {
  if (!isResponse(answer)) return answer;
  const { response } = JSON.parse(answer) as { response: RangeAnswer & TxnAnswer };
  const range = requestOf(step, "KV/Range");
  if (range !== undefined) return JSON.stringify({ response: settledRange(range, response) });
  const txn = requestOf(step, "KV/Txn");
  if (txn !== undefined) return JSON.stringify({ response: settledTxn(txn, response) });
  return answer;
}

function settledTxn(txn: Message, answer: TxnAnswer): unknown {
  const branch = txn[answer.succeeded ? "success" : "failure"] as readonly Message[] | undefined;
  const responses = answer.responses.map((each, at) => {
    const { requestRange, requestTxn } = (branch?.[at] ?? {}) as { [kind: string]: Message };
    const { responseRange, responseTxn } = each;
    if (requestRange !== undefined && responseRange !== undefined) {
      return { ...each, responseRange: settledRange(requestRange, responseRange) };
    }
    if (requestTxn !== undefined && responseTxn !== undefined) {
      return { ...each, responseTxn: settledTxn(requestTxn, responseTxn) };
    }
    return each;
  });
  return { ...answer, responses };
}

function settledRange(request: Message, answer: RangeAnswer): unknown {
  const { sortTarget = BY_KEY, keysOnly } = request;
  if (sortTarget === BY_KEY || answer.count <= KEPT_IN_ORDER_MAX) return answer;
  const field = SORTED_BY[Number(sortTarget)] ?? "key";
  // Which values were equal is not told.
  const isHidden = sortTarget === BY_VALUE && keysOnly === true;
  const runs = runsOf(answer.kvs, isHidden ? () => "" : (record) => JSON.stringify(record[field]));
  return {
    ...answer,
    kvs: runs.map((run, at) => {
      const isCut = answer.more && at === runs.length - 1;
      return isCut ? { equals: run.length, in: run[0]?.[field] } : inOrderOfKeys(run);
    }),
  };
}

/** Neighbours of which the same is said, together. */
function runsOf(records: readonly SentRecord[], of: (record: SentRecord) => string) {
  const runs: SentRecord[][] = [];
  let last: string | undefined;
  for (const record of records) {
    const said = of(record);
    if (said === last) runs.at(-1)?.push(record);
    else runs.push([record]);
    last = said;
  }
  return runs;
}

function inOrderOfKeys(run: readonly SentRecord[]): readonly SentRecord[] {
  return run.toSorted((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)));
}
