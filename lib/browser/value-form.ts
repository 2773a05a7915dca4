// A value is bytes; an editor holds text. Each form maps one to the other without loss, or says
// that it cannot.

import { decodeBase64, encodeBase64 } from "../schema/bytes.ts";
import {
  checkJson,
  formatJson,
  JSON_FORMAT_BYTES_MAX,
  minifyJson,
  spacedJson,
} from "./json-text.ts";
import { decodeUtf8, encodeUtf8 } from "./key-text.ts";

export const VALUE_FORMS = ["text", "json", "hex", "base64"] as const;
export type ValueForm = (typeof VALUE_FORMS)[number];

const HEX_LINE_BYTES = 16;
const BASE64_LINE_CHARACTERS = 76;
/** Share of control characters above which bytes that happen to be UTF-8 are shown as hex. */
const CONTROL_SHARE_MAX = 0.02;

export type ParsedValue =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly error: string };

/** The bytes as editor text, or null when this form cannot hold them. */
export function showValue(bytes: Uint8Array, form: ValueForm): string | null {
  switch (form) {
    case "hex":
      return toHexLines(bytes);
    case "base64":
      return encodeBase64(bytes).replace(lineBreaks, "$&\n").trimEnd();
    case "text":
      return decodeUtf8(bytes);
    case "json": {
      const text = decodeUtf8(bytes);
      // Whoever spread it over lines has had reasons for how.
      if (text === null || text.trim().includes("\n") || !checkJson(text).ok) return text;
      return bytes.length > JSON_FORMAT_BYTES_MAX ? text : formatJson(text);
    }
  }
}

const lineBreaks = new RegExp(`.{${BASE64_LINE_CHARACTERS}}`, "g");

/**
 * What the editor's text means in bytes. JSON must be valid, hex and base64 ignore white space.
 * JSON that was one line in `base` becomes one line of that style again: the editor only spread it
 * out.
 */
export function parseValue(text: string, form: ValueForm, base?: Uint8Array): ParsedValue {
  switch (form) {
    case "hex":
      return parseHex(text);
    case "base64":
      return parseBase64(text);
    case "text":
      return { ok: true, bytes: encodeUtf8(text) };
    case "json": {
      const check = checkJson(text);
      if (!check.ok) return check;
      return { ok: true, bytes: encodeUtf8(laidOutAs(jsonLine(base), text)) };
    }
  }
}

/** How a JSON document stands on one line. */
export interface JsonLine {
  readonly style: "compact" | "spaced";
  /** White space around it, such as the line feed of an `echo`. */
  readonly before: string;
  readonly after: string;
}

/** Null for what is no JSON object or array, or stands on its lines in another way. */
export function jsonLine(bytes: Uint8Array | undefined): JsonLine | null {
  const text = bytes === undefined ? null : decodeUtf8(bytes);
  const core = text?.trim() ?? "";
  if (text === null || !/^[{[]/.test(core) || !checkJson(text).ok) return null;
  const style = minifyJson(core) === core ? "compact" : spacedJson(core) === core ? "spaced" : null;
  if (style === null) return null;
  const at = text.indexOf(core);
  return { style, before: text.slice(0, at), after: text.slice(at + core.length) };
}

function laidOutAs(line: JsonLine | null, text: string): string {
  if (line === null) return text;
  const core = line.style === "compact" ? minifyJson(text) : spacedJson(text);
  return line.before + core + line.after;
}

function toHexLines(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += HEX_LINE_BYTES) {
    const digits: string[] = [];
    for (const byte of bytes.subarray(at, at + HEX_LINE_BYTES)) digits.push(hexByte(byte));
    lines.push(digits.join(" "));
  }
  return lines.join("\n");
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

export function parseHex(text: string): ParsedValue {
  const digits = text.replace(/\s+/g, "");
  const wrong = /[^0-9a-fA-F]/.exec(digits)?.[0];
  if (wrong !== undefined) return { ok: false, error: `"${wrong}" is not a hexadecimal digit.` };
  if (digits.length % 2 === 1) {
    return { ok: false, error: "One digit is missing: every byte is two hexadecimal digits." };
  }
  const bytes = new Uint8Array(digits.length / 2);
  for (let at = 0; at < bytes.length; at += 1) {
    bytes[at] = Number.parseInt(digits.slice(at * 2, at * 2 + 2), 16);
  }
  return { ok: true, bytes };
}

function parseBase64(text: string): ParsedValue {
  const compact = text.replace(/\s+/g, "");
  const wrong = /[^A-Za-z0-9+/=]/.exec(compact)?.[0];
  if (wrong !== undefined) return { ok: false, error: `"${wrong}" is not a base64 character.` };
  if (compact.length % 4 !== 0) {
    return { ok: false, error: "Base64 comes in groups of four characters, padded with =." };
  }
  try {
    return { ok: true, bytes: decodeBase64(compact) };
  } catch {
    return { ok: false, error: "This is not complete base64: the padding stands in the middle." };
  }
}

/** The form in which a reader most likely wants to see these bytes. */
export function likelyForm(bytes: Uint8Array): ValueForm {
  const text = decodeUtf8(bytes);
  if (text === null) return "hex";
  if (/^\s*[{[]/.test(text) && checkJson(text).ok) return "json";
  const controls = text.match(/[^\P{Cc}\t\n\r]/gu)?.length ?? 0;
  return controls > text.length * CONTROL_SHARE_MAX ? "hex" : "text";
}
