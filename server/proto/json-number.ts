const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d{1,9}))?$/;
/** No 64-bit number has more; protojson's limit. */
const DIGITS_MAX = 20;

/** A JSON number that is whole, however it is written: `15`, `1.50e1`, `1500e-2`. */
export function parseInteger(text: string): bigint | undefined {
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const digits = fraction.slice(0, lengthWithoutZeros(fraction));
  const shift = Number(exponent) - digits.length;
  const all = (whole + digits).replace(/^0+(?=\d)/, "");
  if (all === "0") return 0n;
  if (all.length + shift > DIGITS_MAX) return undefined;
  const shifted = shift >= 0 ? all + "0".repeat(shift) : cutZeros(all, -shift);
  if (shifted === undefined) return undefined;
  return sign === "-" ? -BigInt(shifted) : BigInt(shifted);
}

function cutZeros(digits: string, count: number): string | undefined {
  if (count >= digits.length || !/^0*$/.test(digits.slice(-count))) return undefined;
  return digits.slice(0, -count);
}

/** Counted from the end: a regular expression would look at a run of zeros from each of them. */
function lengthWithoutZeros(digits: string): number {
  let length = digits.length;
  while (length > 0 && digits[length - 1] === "0") length--;
  return length;
}
