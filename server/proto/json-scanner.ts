// JSON as a stream of bytes: where does the next value end? A state machine over single bytes, so
// that what arrives in pieces is looked at once. It says what is wrong in the words of Go's
// encoding/json, because clients of etcd know these words.

/** Bytes that are no JSON. */
export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
}

/** Objects and arrays within each other; Go's limit. */
const DEPTH_MAX = 10_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;

const LITERALS: ReadonlyMap<number, string> = new Map(
  ["true", "false", "null"].map((word) => [word.charCodeAt(0), word]),
);

/** What the scanner is in, innermost last. */
type Container = "key" | "value" | "element";

type State =
  | "begin"
  | "begin-or-empty"
  | "key"
  | "key-or-empty"
  | "end"
  | "string"
  | "escape"
  | "unicode"
  | "minus"
  | "zero"
  | "integer"
  | "dot"
  | "fraction"
  | "exponent"
  | "exponent-sign"
  | "exponent-digits"
  | "literal"
  | "done";

export class JsonScanner {
  readonly #containers: Container[] = [];
  #state: State = "begin";
  #literal = "";
  #matched = 0;
  #hasBegun = false;

  /** Whether anything but white space of the present value has been seen. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /**
   * Goes on in `bytes` from `from`. Returns the offset behind the value, or undefined when it does
   * not end there; the scanner is then ready for the next bytes, in the first case for a new value.
   * @throws JsonSyntaxError
   */
  scan(bytes: Buffer, from: number): number | undefined {
    let at = from;
    while (at < bytes.length) {
      if (this.#state === "string") {
        at = skipPlain(bytes, at);
        if (at === bytes.length) return undefined;
      }
      const byte = bytes[at] as number;
      // A number at the top ends with the first byte that is none of it.
      if (this.#state === "done" || this.#endsNumber(byte)) {
        this.#reset();
        return at;
      }
      at++;
      this.#step(byte);
      if (this.#containers.length === 0 && this.#state === "end") {
        this.#reset();
        return at;
      }
    }
    return undefined;
  }

  /** The input is over: whether it ended with a value, a number at the top. */
  end(): boolean {
    const isWhole = this.#containers.length === 0 && NUMBER_ENDS.has(this.#state);
    if (isWhole) this.#reset();
    return isWhole;
  }

  #reset(): void {
    this.#state = "begin";
    this.#hasBegun = false;
  }

  #endsNumber(byte: number): boolean {
    return (
      this.#containers.length === 0 &&
      NUMBER_ENDS.has(this.#state) &&
      !continuesNumber(this.#state, byte)
    );
  }

  #step(byte: number): void {
    switch (this.#state) {
      case "begin":
      case "begin-or-empty":
        return this.#begin(byte);
      case "key":
      case "key-or-empty":
        return this.#key(byte);
      case "end":
        return this.#end(byte);
      case "string":
        if (byte === QUOTE) this.#state = "end";
        else if (byte === BACKSLASH) this.#state = "escape";
        else throw unexpected(byte, "in string literal");
        return;
      case "escape":
        return this.#escape(byte);
      case "unicode":
        if (!isHex(byte)) throw unexpected(byte, "in \\u hexadecimal character escape");
        if (++this.#matched === 4) this.#state = "string";
        return;
      case "literal":
        return this.#continueLiteral(byte);
      default:
        return this.#number(byte);
    }
  }

  #begin(byte: number): void {
    if (isSpace(byte)) return;
    this.#hasBegun = true;
    if (byte === OPEN_BRACE) this.#open(byte, "key", "key-or-empty");
    else if (byte === OPEN_BRACKET) this.#open(byte, "element", "begin-or-empty");
    else if (byte === CLOSE_BRACKET && this.#state === "begin-or-empty") this.#close();
    else if (byte === QUOTE) this.#state = "string";
    else if (byte === MINUS) this.#state = "minus";
    else if (byte === ZERO) this.#state = "zero";
    else if (isDigit(byte)) this.#state = "integer";
    else {
      const literal = LITERALS.get(byte);
      if (literal === undefined) throw unexpected(byte, "looking for beginning of value");
      this.#state = "literal";
      this.#literal = literal;
      this.#matched = 1;
    }
  }

  #key(byte: number): void {
    if (isSpace(byte)) return;
    if (byte === CLOSE_BRACE && this.#state === "key-or-empty") this.#close();
    else if (byte === QUOTE) this.#state = "string";
    else throw unexpected(byte, "looking for beginning of object key string");
  }

  /** Behind a value, or behind a key. */
  #end(byte: number): void {
    if (isSpace(byte)) return;
    const last = this.#containers.length - 1;
    switch (this.#containers[last]) {
      case "key":
        if (byte !== COLON) throw unexpected(byte, "after object key");
        this.#containers[last] = "value";
        this.#state = "begin";
        return;
      case "value":
        if (byte === COMMA) {
          this.#containers[last] = "key";
          this.#state = "key";
        } else if (byte === CLOSE_BRACE) this.#close();
        else throw unexpected(byte, "after object key:value pair");
        return;
      default:
        if (byte === COMMA) this.#state = "begin";
        else if (byte === CLOSE_BRACKET) this.#close();
        else throw unexpected(byte, "after array element");
    }
  }

  #open(byte: number, container: Container, state: State): void {
    if (this.#containers.length >= DEPTH_MAX) throw unexpected(byte, "exceeded max depth");
    this.#containers.push(container);
    this.#state = state;
  }

  #close(): void {
    this.#containers.pop();
    this.#state = "end";
  }

  #escape(byte: number): void {
    if (byte === 0x75) {
      this.#state = "unicode";
      this.#matched = 0;
    } else if ('bfnrt\\/"'.includes(String.fromCharCode(byte))) this.#state = "string";
    else throw unexpected(byte, "in string escape code");
  }

  #continueLiteral(byte: number): void {
    const expected = this.#literal[this.#matched] as string;
    if (byte !== expected.charCodeAt(0)) {
      throw unexpected(byte, `in literal ${this.#literal} (expecting '${expected}')`);
    }
    if (++this.#matched === this.#literal.length) this.#state = "end";
  }

  #number(byte: number): void {
    const isExponent = byte === 0x65 || byte === 0x45;
    switch (this.#state) {
      case "minus":
        if (!isDigit(byte)) throw unexpected(byte, "in numeric literal");
        this.#state = byte === ZERO ? "zero" : "integer";
        return;
      case "zero":
      case "integer":
        if (isDigit(byte) && this.#state === "integer") return;
        if (byte === DOT) this.#state = "dot";
        else if (isExponent) this.#state = "exponent";
        else this.#behindNumber(byte);
        return;
      case "dot":
        if (!isDigit(byte)) throw unexpected(byte, "after decimal point in numeric literal");
        this.#state = "fraction";
        return;
      case "fraction":
        if (isDigit(byte)) return;
        if (isExponent) this.#state = "exponent";
        else this.#behindNumber(byte);
        return;
      case "exponent":
        if (byte === 0x2b || byte === MINUS) {
          this.#state = "exponent-sign";
          return;
        }
        break;
      case "exponent-digits":
        if (!isDigit(byte)) return this.#behindNumber(byte);
        return;
      default:
        break;
    }
    if (!isDigit(byte)) throw unexpected(byte, "in exponent of numeric literal");
    this.#state = "exponent-digits";
  }

  #behindNumber(byte: number): void {
    this.#state = "end";
    this.#end(byte);
  }
}

const NUMBER_ENDS: ReadonlySet<State> = new Set(["zero", "integer", "fraction", "exponent-digits"]);

/** Whether a number that could end here goes on with this byte. */
function continuesNumber(state: State, byte: number): boolean {
  if (isDigit(byte)) return state !== "zero";
  if (byte === DOT) return state === "zero" || state === "integer";
  return (byte === 0x65 || byte === 0x45) && state !== "exponent-digits";
}

/** The offset of the first byte that ends or interrupts a string's plain text. */
function skipPlain(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at] as number;
    if (byte === QUOTE || byte === BACKSLASH || byte < 0x20) break;
    at++;
  }
  return at;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}

function isHex(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x61 && byte <= 0x66) || (byte >= 0x41 && byte <= 0x46);
}

function unexpected(byte: number, context: string): JsonSyntaxError {
  return new JsonSyntaxError(`invalid character ${quoted(byte)} ${context}`);
}

const ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x07, "\\a"],
  [0x08, "\\b"],
  [0x09, "\\t"],
  [0x0a, "\\n"],
  [0x0b, "\\v"],
  [0x0c, "\\f"],
  [0x0d, "\\r"],
  [0x27, "\\'"],
  [0x5c, "\\\\"],
]);

/** As Go shows a byte, taken for a character. */
function quoted(byte: number): string {
  const isControl = byte < 0x20 || (byte >= 0x7f && byte < 0xa0) || byte === 0xad;
  const escape = ESCAPES.get(byte);
  if (escape !== undefined) return `'${escape}'`;
  if (!isControl && byte !== 0xa0) return `'${String.fromCharCode(byte)}'`;
  const hex = byte.toString(16).padStart(byte < 0x80 ? 2 : 4, "0");
  return byte < 0x80 ? `'\\x${hex}'` : `'\\u${hex}'`;
}
