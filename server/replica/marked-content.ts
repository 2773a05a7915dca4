import { type AppliedMark, markRows } from "../apply/applied-mark.ts";
import type { Table } from "../storage/tables.ts";

type Row = readonly [table: Table, key: Buffer, value: Buffer];

/** The content of a database, with `mark` in the place of the one that it has, or lacks. */
export async function* withAppliedMark(
  content: AsyncIterable<Row>,
  mark: AppliedMark,
): AsyncGenerator<Row, void, undefined> {
  const rows = markRows(mark);
  for await (const row of content) {
    const isMark = row[0] === "meta" && rows.some(([key]) => key.equals(row[1]));
    if (!isMark) yield row;
  }
  for (const [key, value] of rows) yield ["meta", key, value];
}
