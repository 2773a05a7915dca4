// Sizes as people read them, in the words of etcd's log.

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
const STEP = 1000n;
/** Below it a size is told in bytes, and from there on without a fraction. */
const TEN = 10n;

/** "9 B", "20 kB", "2.1 GB". */
export function formatByteSize(bytes: number | bigint): string {
  const size = BigInt(bytes);
  if (size < TEN) return `${size} B`;
  let unit = 1n;
  let at = 0;
  while (size >= unit * STEP && at < UNITS.length - 1) {
    unit *= STEP;
    at++;
  }
  const tenths = (size * TEN * 2n + unit) / (unit * 2n);
  if (tenths < TEN * TEN) return `${tenths / TEN}.${tenths % TEN} ${UNITS[at]}`;
  // A half goes to the even number, as Go prints it.
  const half = TEN / 2n - ((tenths / TEN + 1n) % 2n);
  return `${(tenths + half) / TEN} ${UNITS[at]}`;
}
