// Tokens of one JSON value whose syntax has been checked (JsonScanner). Strings are looked at more
// closely here: UTF-8 and surrogates. Positions are told as line and column, as protojson does.

/** JSON that is no such message. */
export class JsonShapeError extends Error {
  override readonly name = "JsonShapeError";

  constructor(text: string) {
    super(`proto: ${text}`);
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

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const COMMA = 0x2c;
const COLON = 0x3a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

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
    switch (kind) {
      case '"':
        return this.#string(start);
      case "0": {
        while (isNumeric(this.#json[this.#at])) this.#at++;
        const text = this.#json.toString("latin1", start, this.#at);
        return { kind, start, end: this.#at, text };
      }
      case "t":
      case "n":
        this.#at += 4;
        break;
      case "f":
        this.#at += 5;
        break;
      default:
        this.#at++;
    }
    return { kind, start, end: this.#at, text: "" };
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

  /** Steps over a whole value. */
  skip(): void {
    let depth = 0;
    do {
      const { kind } = this.read();
      if (kind === "{" || kind === "[") depth++;
      else if (kind === "}" || kind === "]") depth--;
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

  #string(start: number): Token {
    const json = this.#json;
    let text = "";
    let plainFrom = start + 1;
    let isAscii = true;
    for (let at = plainFrom; ; at++) {
      const byte = json[at] as number;
      if (byte >= 0x80) isAscii = false;
      if (byte !== QUOTE && byte !== BACKSLASH) continue;
      if (plainFrom < at) {
        // For the short strings that most are, the decoder costs several times as much.
        if (isAscii) text += json.toString("latin1", plainFrom, at);
        else text += this.#unicode(plainFrom, at, start);
      }
      if (byte === QUOTE) {
        this.#at = at + 1;
        return { kind: '"', start, end: this.#at, text };
      }
      const escape = this.#escape(at, start);
      text += escape.text;
      at += escape.length - 1;
      plainFrom = at + 1;
    }
  }

  #unicode(from: number, to: number, start: number): string {
    try {
      return UTF8.decode(this.#json.subarray(from, to));
    } catch {
      throw this.#syntaxError(start, "invalid UTF-8 in string");
    }
  }

  #escape(at: number, start: number): { text: string; length: number } {
    const json = this.#json;
    const letter = String.fromCharCode(json[at + 1] as number);
    if (letter !== "u") return { text: ESCAPES[letter] ?? letter, length: 2 };
    const first = Number.parseInt(json.toString("latin1", at + 2, at + 6), 16);
    if (first < 0xd800 || first > 0xdfff) return { text: String.fromCharCode(first), length: 6 };
    const rest = json.toString("latin1", at + 6, at + 12);
    if (rest.length < 6) throw new JsonShapeError("unexpected EOF");
    const second = /^\\u[0-9a-fA-F]{4}$/.test(rest) ? Number.parseInt(rest.slice(2), 16) : 0;
    if (first > 0xdbff || second < 0xdc00 || second > 0xdfff) {
      throw this.#syntaxError(start, `invalid escape code ${JSON.stringify(rest)} in string`);
    }
    return { text: String.fromCharCode(first, second), length: 12 };
  }
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
