// From a command line to a Config. A flag goes before its variable (both at once are a mistake),
// a variable before the default; a file, when there is one, is all that counts.
import type { Config } from "../config.ts";
import { assemble } from "./assembly.ts";
import { check } from "./checks.ts";
import { defaultHost, noteOnHost } from "./default-host.ts";
import { type Environment, readEnvironment } from "./environment.ts";
import { applyFeatureGates } from "./feature-gates.ts";
import { readConfigFile } from "./file.ts";
import { parseFlags } from "./flag-set.ts";
import { FLAGS } from "./flags.ts";
import { ConfigError, Given, type Note } from "./given.ts";

export interface MemberRequest {
  readonly kind: "member";
  /** Not judged yet, but its log can be opened: refusals are to be written there. */
  readonly config: Config;
  readonly notes: readonly Note[];
  /** @throws ConfigError, StartError */
  readonly check: () => readonly Note[];
}

type FindHost = () => string | undefined;

export type ConfigRequest = { readonly kind: "version" } | MemberRequest;

/**
 * @param args what follows the program's name
 * @param findHost this machine's address, for members that listen on all of them
 * @throws FlagSyntaxError (exit code 2), HelpRequest (0), ShadowedVariableError, FileUrlError,
 *   ConfigError (1)
 */
export function readConfig(
  args: readonly string[],
  environment: Environment,
  findHost: FindHost = defaultHost,
): ConfigRequest {
  const { values, positional } = parseFlags(FLAGS, args);
  if (positional.length > 0) throw new ConfigError(`'${positional[0]}' is not a valid flag`);
  const given = new Given();
  for (const [name, value] of values) given.set(name, value);
  if (given.bool("version")) return { kind: "version" };
  const path = given.text("config-file") || (environment["ETCD_CONFIG_FILE"] ?? "");
  if (path !== "") return fromFile(path, findHost);
  return fromFlags(given, new Set(values.keys()), environment, findHost);
}

function fromFlags(
  given: Given,
  flags: ReadonlySet<string>,
  environment: Environment,
  findHost: FindHost,
): ConfigRequest {
  const notes = readEnvironment(environment, flags, given);
  return requestOf(given, "flags", notes, findHost);
}

function fromFile(path: string, findHost: FindHost): ConfigRequest {
  const loaded: Note = {
    level: "info",
    message:
      "loaded server configuration, other configuration command line flags and environment " +
      "variables will be ignored if provided",
    fields: { path },
  };
  return requestOf(readConfigFile(path), "file", [loaded], findHost);
}

function requestOf(
  given: Given,
  source: "flags" | "file",
  notes: readonly Note[],
  findHost: FindHost,
): MemberRequest {
  applyFeatureGates(given);
  const found: (string | undefined)[] = [];
  const config = assemble(given, () => {
    if (found.length === 0) found.push(findHost());
    return found[0];
  });
  const judge = () => [...found.map(noteOnHost), ...check(config, given, source)];
  return { kind: "member", config, notes, check: judge };
}
