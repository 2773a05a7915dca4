/** What one transaction did to the key space, in operations and not in keys, as etcd counts. */
export interface OperationTally {
  ranges: number;
  puts: number;
  deletes: number;
  /** Keys and values of the puts. */
  putBytes: number;
}

/** All operations on the key space since the process began, across changes of the store. */
export class OperationCounts {
  ranges = 0;
  puts = 0;
  deletes = 0;
  /** Transactions of more than one operation. */
  transactions = 0;
  putBytes = 0;

  /** The end of a transaction. */
  add({ ranges, puts, deletes, putBytes }: Readonly<OperationTally>): void {
    if (ranges + puts + deletes > 1) this.transactions++;
    this.ranges += ranges;
    this.puts += puts;
    this.deletes += deletes;
    this.putBytes += putBytes;
  }

  /** A transaction that only read. */
  read(ranges: number): void {
    if (ranges > 1) this.transactions++;
    this.ranges += ranges;
  }
}
