import { problemOf } from "./flag-set.ts";
import { FLAGS } from "./flags.ts";
import { ConfigError, type Given, type Note } from "./given.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = "ETCD_";
const VERSION_VARIABLE = "ETCD_VERSION";

/** A variable says one thing and a flag another; etcd logs it as fatal. */
export class ShadowedVariableError extends Error {
  override readonly name = "ShadowedVariableError";
  readonly variable: string;

  constructor(variable: string) {
    super(
      "conflicting environment variable is shadowed by corresponding command-line flag " +
        "(either unset environment variable or disable flag))",
    );
    this.variable = variable;
  }
}

/** `ETCD_FOO_BAR` stands for `--foo-bar`. */
export function variableOf(flag: string): string {
  return PREFIX + flag.toUpperCase().replaceAll("-", "_");
}

/**
 * Adds what variables say about flags that were not given.
 * @param flags names of the flags that were given
 * @throws ShadowedVariableError, ConfigError
 */
export function readEnvironment(
  environment: Environment,
  flags: ReadonlySet<string>,
  given: Given,
): Note[] {
  const notes: Note[] = [];
  const version = environment[VERSION_VARIABLE];
  if (version !== undefined && version !== "") {
    const fields = { key: VERSION_VARIABLE, value: version };
    notes.push({ level: "warn", message: "cannot set special environment variable", fields });
  }
  const used = new Set<string>();
  let problem: string | undefined;
  for (const name of [...FLAGS.keys()].sort()) {
    const variable = variableOf(name);
    const value = environment[variable] ?? "";
    if (flags.has(name) || value === "" || variable === VERSION_VARIABLE) continue;
    used.add(variable);
    const wrong = valueProblem(name, value);
    if (wrong !== undefined) {
      problem = `invalid value ${JSON.stringify(value)} for ${variable}: ${wrong}`;
      continue;
    }
    given.set(name, value);
    notes.push({
      level: "info",
      message: "recognized and used environment variable",
      fields: { "variable-name": variable, "variable-value": value },
    });
  }
  const shadowed = new Set([...flags].map(variableOf));
  for (const [variable, value] of Object.entries(environment)) {
    if (value === undefined || used.has(variable) || variable === VERSION_VARIABLE) continue;
    if (shadowed.has(variable)) throw new ShadowedVariableError(variable);
    if (!variable.startsWith(PREFIX)) continue;
    // Its value may be a secret that was never meant for this program.
    const fields = { "environment-variable": variable };
    notes.push({ level: "warn", message: "unrecognized environment variable", fields });
  }
  if (problem !== undefined) throw new ConfigError(problem);
  return notes;
}

function valueProblem(name: string, value: string): string | undefined {
  const definition = FLAGS.get(name);
  return definition === undefined ? undefined : problemOf(definition, value);
}
