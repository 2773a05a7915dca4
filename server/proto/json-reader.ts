// Tokens of one JSON value whose syntax has been checked (JsonScanner). Strings are looked at more
// closely here: UTF-8 and surrogates. Positions are told as line and column, as protojson does.

import { isUtf8 } from "node:buffer";

/** JSON that is no such message. */
export class JsonShapeError extends Error {
  override readonly name: string = "JsonShapeError";

  constructor(text: string) {
    super(`proto: ${text}`);
  }
}

/** JSON of messages deeper within each other than members can read. */
export class JsonDepthError extends JsonShapeError {
  override readonly name = "JsonDepthError";

  constructor() {
    super("exceeded max recursion depth");
  }
}

/** The byte that a token begins with; "0" stands for every number. */
export type TokenKind = "{" | "}" | "[" | "]" | '"' | "0" | "t" | "f" | "n";

export interface Token {
  readonly kind: TokenKind;
  /** Offset of its first byte, and behind its last. */
  readonly start: number;
  readonly end: number;
  /** A string's contents, a number's digits; otherwise empty. */
  readonly text: string;
}

const COMMA = 0x2c;
const COLON = 0x3a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const LETTER_U = 0x75;

/** What it takes to read a string. */
type StringForm = "ascii" | "unicode" | "escaped";

export class JsonReader {
  readonly #json: Buffer;
  #at = 0;

  constructor(json: Buffer) {
    this.#json = json;
  }

  /** The kind of the next token, behind commas and colons. */
  peek(): TokenKind {
    for (;;) {
      const byte = this.#json[this.#at];
      if (byte === undefined) throw new JsonShapeError("unexpected EOF");
      if (byte > 0x20 && byte !== COMMA && byte !== COLON) return KINDS[byte] as TokenKind;
      this.#at++;
    }
  }

  read(): Token {
    const kind = this.peek();
    const start = this.#at;
    if (kind === '"') return this.#string(start);
    this.#pass(kind);
    const text = kind === "0" ? this.#json.toString("latin1", start, this.#at) : "";
    return { kind, start, end: this.#at, text };
  }

  /** The next field's name in an object; undefined behind the last. */
  name(): Token | undefined {
    const token = this.read();
    return token.kind === "}" ? undefined : token;
  }

  /** Whether an array goes on; steps over its end. */
  hasElement(): boolean {
    if (this.peek() !== "]") return true;
    this.read();
    return false;
  }

  /**
   * Steps over a whole value, of which only the strings can still be wrong. Without a token for
   * each of its parts: there may be millions of them, from whoever can connect.
   */
  skip(): void {
    const json = this.#json;
    const kind = this.peek();
    if (kind !== "{" && kind !== "[") {
      if (kind === '"') this.#passString();
      else this.#pass(kind);
      return;
    }
    let depth = 0;
    do {
      const byte = json[this.#at];
      if (byte === QUOTE) this.#passString();
      else {
        if (byte === undefined) throw new JsonShapeError("unexpected EOF");
        if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
        else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
        this.#at++;
      }
    } while (depth > 0);
  }

  /** A token as it was written. */
  raw({ start, end }: Token): string {
    return this.#json.toString("utf8", start, end);
  }

  unexpected(token: Token): JsonShapeError {
    return this.#syntaxError(token.start, `unexpected token ${this.raw(token)}`);
  }

  wrong(token: Token, text: string): JsonShapeError {
    return new JsonShapeError(`(${this.#position(token.start)}): ${text}`);
  }

  #syntaxError(at: number, text: string): JsonShapeError {
    return new JsonShapeError(`syntax error (${this.#position(at)}): ${text}`);
  }

  #position(at: number): string {
    const before = this.#json.subarray(0, at);
    const lineStart = before.lastIndexOf(0x0a) + 1;
    let line = 1;
    for (let i = before.indexOf(0x0a); i >= 0; i = before.indexOf(0x0a, i + 1)) line++;
    let column = 1;
    for (let i = lineStart; i < at; i++) if (((before[i] as number) & 0xc0) !== 0x80) column++;
    return `line ${line}:${column}`;
  }

  /** Steps over a token that is no string. */
  #pass(kind: TokenKind): void {
    switch (kind) {
      case "0":
        while (isNumeric(this.#json[this.#at])) this.#at++;
        return;
      case "t":
      case "n":
        this.#at += 4;
        return;
      case "f":
        this.#at += 5;
        return;
      default:
        this.#at++;
    }
  }

  #string(start: number): Token {
    const form = this.#passString();
    const end = this.#at;
    return { kind: '"', start, end, text: this.#contents(form, start, end) };
  }

  #contents(form: StringForm, start: number, end: number): string {
    // For the short strings that most are, the decoder of UTF-8 costs several times as much.
    if (form === "ascii") return this.#json.toString("latin1", start + 1, end - 1);
    if (form === "unicode") return this.#json.toString("utf8", start + 1, end - 1);
    return JSON.parse(this.#json.toString("utf8", start, end)) as string;
  }

  /** Steps over a string, and checks what is not of the syntax. */
  #passString(): StringForm {
    const json = this.#json;
    const start = this.#at;
    let isAscii = true;
    let hasEscape = false;
    let at = start + 1;
    for (let byte = json[at]; byte !== QUOTE; byte = json[at]) {
      let length = 1;
      if (byte === BACKSLASH) {
        hasEscape = true;
        length = escapeLength(json, at);
        if (length === 0) throw this.#wrongEscape(start, at);
      } else if ((byte as number) >= 0x80) isAscii = false;
      at += length;
    }
    if (!isAscii && !isUtf8(json.subarray(start, at))) throw this.#wrongUnicode(start);
    this.#at = at + 1;
    if (hasEscape) return "escaped";
    return isAscii ? "ascii" : "unicode";
  }

  #wrongUnicode(start: number): JsonShapeError {
    return this.#syntaxError(start, "invalid UTF-8 in string");
  }

  #wrongEscape(start: number, at: number): JsonShapeError {
    if (!isUtf8(this.#json.subarray(start, at))) return this.#wrongUnicode(start);
    const rest = this.#json.toString("latin1", at + 6, at + 12);
    if (rest.length < 6) return new JsonShapeError("unexpected EOF");
    return this.#syntaxError(start, `invalid escape code ${JSON.stringify(rest)} in string`);
  }
}

/** Bytes of the escape that begins here; 0 when it stands for half a character without the other. */
function escapeLength(json: Buffer, at: number): number {
  if (json[at + 1] !== LETTER_U) return 2;
  const half = surrogate(json, at);
  if (half === undefined) return 6;
  const isPair = half === "first" && json[at + 6] === BACKSLASH && json[at + 7] === LETTER_U;
  return isPair && surrogate(json, at + 6) === "second" ? 12 : 0;
}

/** Which half of a pair an escape like `\ud83d` is. */
function surrogate(json: Buffer, at: number): "first" | "second" | undefined {
  if (lowerCase(json[at + 2]) !== 0x64) return undefined;
  const digit = lowerCase(json[at + 3]);
  if (digit >= 0x63) return "second";
  return digit >= 0x38 ? "first" : undefined;
}

/** Of a hexadecimal digit. */
function lowerCase(byte = 0): number {
  return byte | 0x20;
}

/** By the byte that a token begins with. */
const KINDS: readonly TokenKind[] = Array.from({ length: 256 }, (_, byte) => {
  const letter = String.fromCharCode(byte);
  return letter === "-" || (letter >= "0" && letter <= "9") ? "0" : (letter as TokenKind);
});

const NUMERIC: readonly boolean[] = Array.from({ length: 256 }, (_, byte) =>
  "0123456789+-.eE".includes(String.fromCharCode(byte)),
);

function isNumeric(byte: number | undefined): boolean {
  return byte !== undefined && NUMERIC[byte] === true;
}
