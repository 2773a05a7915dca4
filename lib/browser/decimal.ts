// Revisions are decimal text, because a JSON number would round them beyond 2^53.

export function compareDecimal(a: string, b: string): number {
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function nextDecimal(decimal: string): string {
  return String(BigInt(decimal) + 1n);
}

export function isRevision(text: string): boolean {
  return /^[1-9]\d{0,18}$/.test(text);
}
