import type { Change } from "../mvcc/change.ts";

/** What was applied to the key space since the start. */
export class KeyCounts {
  puts = 0;
  deletes = 0;
  /** Of the records that the puts made: keys, values and what describes them. */
  putBytes = 0;

  count(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.isDelete) this.deletes++;
      else {
        this.puts++;
        this.putBytes += change.record.bytes.length;
      }
    }
  }
}
