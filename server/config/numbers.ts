// Whole numbers as Go's flags read them.

export const INT64_MAX = 2n ** 63n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;
const UINT32_MAX = 2n ** 32n - 1n;
const GO_NUMBER =
  /^([+-]?)(0[xX]_?[\da-fA-F](?:_?[\da-fA-F])*|0[bB]_?[01](?:_?[01])*|0[oO]?(?:_?[0-7])+|0|[1-9](?:_?\d)*)$/;

/** In Go's notation: decimal, or with 0x, 0o, 0b or a plain 0 in front, digits apart by `_`. */
export function intOf(value: string): bigint | undefined {
  const match = GO_NUMBER.exec(value);
  if (match === null) return undefined;
  const digits = (match[2] ?? "0").replaceAll("_", "");
  const magnitude = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return match[1] === "-" ? -magnitude : magnitude;
}

/** What is wrong with a number, in the words of Go's flags. */
export function numberProblem(value: string, kind: "uint" | "int"): string | undefined {
  const number = intOf(value);
  if (number === undefined || (kind === "uint" && /^[+-]/.test(value))) return "parse error";
  const max = kind === "uint" ? UINT64_MAX : INT64_MAX;
  return number > max || number < -INT64_MAX - 1n ? "value out of range" : undefined;
}

/** The same for 32 bits, which etcd reads itself. */
export function uint32Problem(value: string): string | undefined {
  const framed = `strconv.ParseUint: parsing ${JSON.stringify(value)}`;
  const number = intOf(value);
  if (number === undefined || /^[+-]/.test(value)) return `${framed}: invalid syntax`;
  return number > UINT32_MAX ? `${framed}: value out of range` : undefined;
}

/** For calculating with: beyond what is exact, the largest number that is. */
export function saturated(number: bigint): number {
  if (number > BigInt(Number.MAX_SAFE_INTEGER)) return Number.MAX_SAFE_INTEGER;
  if (number < BigInt(Number.MIN_SAFE_INTEGER)) return Number.MIN_SAFE_INTEGER;
  return Number(number);
}
