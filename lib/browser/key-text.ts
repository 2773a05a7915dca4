// Keys are bytes. On screen, in addresses and in the fields where a key is typed they stand in one
// reversible notation: text as it is, and \xNN for each byte that is no valid UTF-8, is invisible,
// or could deceive (controls, bidirectional marks, odd spaces). A backslash itself is \\.

const PLAIN = /^[ -[\]-~]*$/;
const DECEPTIVE = /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text, byte order mark included, or null when the bytes are not valid UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

export function formatKey(bytes: Uint8Array): string {
  const whole = decodeUtf8(bytes);
  if (whole !== null) return PLAIN.test(whole) ? whole : escapeText(whole);
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      text += escapeByte(bytes[at] ?? 0);
      at += 1;
    } else {
      text += escapeText(decodeUtf8(bytes.subarray(at, at + length)) ?? "");
      at += length;
    }
  }
  return text;
}

function escapeText(text: string): string {
  let escaped = "";
  for (const character of text) {
    if (character === "\\") escaped += "\\\\";
    else if (DECEPTIVE.test(character)) {
      for (const byte of encoder.encode(character)) escaped += escapeByte(byte);
    } else escaped += character;
  }
  return escaped;
}

function escapeByte(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, "0")}`;
}

/** Length of the valid UTF-8 sequence at `at`, 0 when there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (length === 0 || at + length > bytes.length) return 0;
  return decodeUtf8(bytes.subarray(at, at + length)) === null ? 0 : length;
}

export type ParsedKey =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly error: string };

/** The inverse of formatKey; also takes any text that formatKey would not have written so. */
export function parseKey(text: string): ParsedKey {
  if (!text.includes("\\")) return { ok: true, bytes: encoder.encode(text) };
  const bytes: number[] = [];
  for (let at = 0; at < text.length; ) {
    const next = text.indexOf("\\", at);
    const end = next === -1 ? text.length : next;
    for (const byte of encoder.encode(text.slice(at, end))) bytes.push(byte);
    if (next === -1) break;
    if (text[next + 1] === "\\") {
      bytes.push(0x5c);
      at = next + 2;
      continue;
    }
    const digits = /^x([0-9a-fA-F]{2})/.exec(text.slice(next + 1, next + 4))?.[1];
    if (digits === undefined) {
      return {
        ok: false,
        error: `At position ${next + 1}: write \\xNN for a byte and \\\\ for a backslash.`,
      };
    }
    bytes.push(Number.parseInt(digits, 16));
    at = next + 4;
  }
  return { ok: true, bytes: Uint8Array.from(bytes) };
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** The smallest key that is greater than every key with this prefix; "\0" when there is none. */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  for (let at = prefix.length - 1; at >= 0; at -= 1) {
    const byte = prefix[at] ?? 0xff;
    if (byte < 0xff) {
      const end = prefix.slice(0, at + 1);
      end[at] = byte + 1;
      return end;
    }
  }
  return Uint8Array.of(0);
}
