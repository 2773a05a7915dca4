/** What `--auto-compaction-retention` says without a unit, be it hours or revisions. */
export function bareRetention(text: string): bigint | undefined {
  return /^\+?\d+$/.test(text) ? BigInt(text.replace("+", "")) : undefined;
}
