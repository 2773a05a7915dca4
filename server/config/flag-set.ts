// Command-line flags with the syntax and the texts of Go's flag package, which etcd's users and
// scripts know: one or two dashes, `-x=v` or `-x v`, booleans without a value or with `=v` only.

export type FlagKind = "text" | "bool" | "uint" | "int" | "urls" | "choice";

export interface FlagDefinition {
  readonly name: string;
  readonly kind: FlagKind;
  /** As it would be written on the command line. */
  readonly initial: string;
  readonly usage: string;
  /** Of a choice. */
  readonly values?: readonly string[];
  /** Throws Error with what is wrong with a value. */
  readonly check?: (value: string) => void;
}

/** The command line cannot be read; `message` is Go's. */
export class FlagSyntaxError extends Error {
  override readonly name = "FlagSyntaxError";
}

/** `--help` or `-h` was given. */
export class HelpRequest extends Error {
  override readonly name = "HelpRequest";
}

export interface ParsedFlags {
  /** Values of the flags given, by name, as text. */
  readonly values: ReadonlyMap<string, string>;
  /** What follows the flags. */
  readonly positional: readonly string[];
}

/** @throws FlagSyntaxError, HelpRequest */
export function parseFlags(
  definitions: ReadonlyMap<string, FlagDefinition>,
  args: readonly string[],
): ParsedFlags {
  const values = new Map<string, string>();
  let at = 0;
  while (at < args.length) {
    const arg = args[at] ?? "";
    if (arg.length < 2 || !arg.startsWith("-")) break;
    at++;
    if (arg === "--") break;
    const name = arg.slice(arg.startsWith("--") ? 2 : 1);
    if (name === "" || name.startsWith("-") || name.startsWith("=")) {
      throw new FlagSyntaxError(`bad flag syntax: ${arg}`);
    }
    const equals = name.indexOf("=");
    const bare = equals < 0 ? name : name.slice(0, equals);
    let value = equals < 0 ? undefined : name.slice(equals + 1);
    const definition = definitions.get(bare);
    if (definition === undefined) {
      if (bare === "help" || bare === "h") throw new HelpRequest();
      throw new FlagSyntaxError(`flag provided but not defined: -${bare}`);
    }
    if (definition.kind === "bool") value ??= "true";
    else if (value === undefined) {
      if (at >= args.length) throw new FlagSyntaxError(`flag needs an argument: -${bare}`);
      value = args[at++] ?? "";
    }
    checkValue(definition, value);
    values.set(bare, value);
  }
  return { values, positional: args.slice(at) };
}

/** @throws FlagSyntaxError */
export function checkValue(definition: FlagDefinition, value: string): void {
  const { name } = definition;
  const problem = problemOf(definition, value);
  if (problem === undefined) return;
  const text = JSON.stringify(value);
  if (definition.kind === "bool") {
    throw new FlagSyntaxError(`invalid boolean value ${text} for -${name}: ${problem}`);
  }
  throw new FlagSyntaxError(`invalid value ${text} for flag -${name}: ${problem}`);
}

export function boolOf(value: string): boolean | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return true;
  return /^(0|f|F|FALSE|false|False)$/.test(value) ? false : undefined;
}

/** A whole number in Go's notation: decimal, or with 0x, 0o or 0b. */
export function intOf(value: string): bigint | undefined {
  const match = /^([+-]?)(0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+|\d+)$/.exec(value);
  if (match === null) return undefined;
  const magnitude = BigInt(match[2] ?? "0");
  return match[1] === "-" ? -magnitude : magnitude;
}

function problemOf(definition: FlagDefinition, value: string): string | undefined {
  switch (definition.kind) {
    case "bool":
      return boolOf(value) === undefined ? "parse error" : undefined;
    case "uint":
    case "int":
      return numberProblem(value, definition.kind === "uint");
    case "choice":
      return definition.values?.includes(value)
        ? undefined
        : `invalid value ${JSON.stringify(value)}`;
    default:
      return checkProblem(definition, value);
  }
}

function numberProblem(value: string, isUnsigned: boolean): string | undefined {
  const number = intOf(value);
  if (number === undefined || (isUnsigned && /^[+-]/.test(value))) return "parse error";
  const isSafe = number <= BigInt(Number.MAX_SAFE_INTEGER);
  return isSafe && number >= BigInt(Number.MIN_SAFE_INTEGER) ? undefined : "value out of range";
}

function checkProblem(definition: FlagDefinition, value: string): string | undefined {
  try {
    definition.check?.(value);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
