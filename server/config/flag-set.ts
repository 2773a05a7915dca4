// Command-line flags with the syntax and the texts of Go's flag package, which etcd's users and
// scripts know: one or two dashes, `-x=v` or `-x v`, booleans without a value or with `=v` only.
import { parseDuration } from "../base/duration.ts";
import { numberProblem, uint32Problem } from "./numbers.ts";
import { parseUrls } from "./urls.ts";

export type FlagKind =
  | "text"
  | "bool"
  | "uint"
  | "uint32"
  | "int"
  | "duration"
  | "urls"
  /** URLs, or `*`. */
  | "origins"
  | "list"
  /** A list without order in which nothing stands twice. */
  | "set"
  | "choice"
  | "choices"
  /** Known once, without any effect today. */
  | "ignored";

export interface FlagDefinition {
  readonly name: string;
  /** What etcd 3.5 calls it, where 3.6 has another name. */
  readonly oldName?: string;
  readonly kind: FlagKind;
  /** As it would be written on the command line. */
  readonly initial: string;
  /** In the help, where what it says is not the default itself. */
  readonly shownInitial?: string;
  readonly usage: string;
  /** Of a choice. */
  readonly values?: readonly string[];
  /** What a configuration file calls it, where that is not its name of 3.5. */
  readonly fileKey?: string;
  /** What is wrong with a value, where its kind does not say. */
  readonly problem?: (value: string) => string | undefined;
  /** Given again, it adds to what it said before; others only say something else. */
  readonly addsUp?: true;
  /** Values that mean what the initial one does. */
  readonly synonyms?: readonly string[];
  /** Why a value that means something else than the initial one is refused. */
  readonly unsupported?: string;
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
  /** Values of the flags given, by the name that was given, as text. */
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
    if (definition.kind === "bool" || definition.kind === "ignored") value ??= "true";
    else if (value === undefined) {
      if (at >= args.length) throw new FlagSyntaxError(`flag needs an argument: -${bare}`);
      value = args[at++] ?? "";
    }
    const problem = problemOf(definition, value);
    if (problem !== undefined) {
      const text = JSON.stringify(value);
      throw new FlagSyntaxError(
        definition.kind === "bool"
          ? `invalid boolean value ${text} for -${bare}: ${problem}`
          : `invalid value ${text} for flag -${bare}: ${problem}`,
      );
    }
    // To etcd, no URL says nothing: what was said before holds.
    if (definition.kind === "urls" && value === "" && values.has(bare)) continue;
    const before = definition.addsUp && values.get(bare);
    values.set(bare, before ? `${before},${value}` : value);
  }
  return { values, positional: args.slice(at) };
}

export function boolOf(value: string): boolean | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return true;
  return /^(0|f|F|FALSE|false|False)$/.test(value) ? false : undefined;
}

/** What is wrong with a value, in Go's or etcd's words. */
export function problemOf(definition: FlagDefinition, value: string): string | undefined {
  switch (definition.kind) {
    case "bool":
      return boolOf(value) === undefined ? "parse error" : undefined;
    case "uint":
    case "int":
      return numberProblem(value, definition.kind);
    case "uint32":
      return uint32Problem(value);
    case "duration":
      return parseDuration(value) === undefined ? "parse error" : undefined;
    case "urls":
      return value === "" ? undefined : urlsProblem(value);
    case "origins":
      return value === "*" ? undefined : urlsProblem(value);
    case "choice":
      return definition.values?.includes(value) ? undefined : "invalid value";
    case "choices":
      return choicesProblem(definition, value);
    default:
      return definition.problem?.(value);
  }
}

function urlsProblem(value: string): string | undefined {
  try {
    parseUrls(value);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function choicesProblem({ values }: FlagDefinition, value: string): string | undefined {
  const odd = value.split(",").find((choice) => !values?.includes(choice));
  return odd === undefined ? undefined : `invalid value ${JSON.stringify(odd)}`;
}
