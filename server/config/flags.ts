import { CLUSTER_FLAGS, PROXY_FLAGS } from "./cluster-flags.ts";
import type { FlagDefinition } from "./flag-set.ts";
import { MEMBER_FLAGS } from "./member-flags.ts";
import {
  IGNORED_FLAGS,
  LOGGING_FLAGS,
  OTHER_FLAGS,
  PROFILING_FLAGS,
  TRACING_FLAGS,
  UNSAFE_FLAGS,
  UPKEEP_FLAGS,
} from "./operation-flags.ts";
import { AUTH_FLAGS, SECURITY_FLAGS } from "./security-flags.ts";

const SHOWN = [
  MEMBER_FLAGS,
  CLUSTER_FLAGS,
  SECURITY_FLAGS,
  AUTH_FLAGS,
  PROFILING_FLAGS,
  LOGGING_FLAGS,
  UPKEEP_FLAGS,
  TRACING_FLAGS,
  PROXY_FLAGS,
  UNSAFE_FLAGS,
  OTHER_FLAGS,
];

/** Every flag, once. */
export const DEFINITIONS: readonly FlagDefinition[] = [...SHOWN, IGNORED_FLAGS].flatMap(
  ({ flags }) => flags,
);

/** Every flag, by each of its names. */
export const FLAGS: ReadonlyMap<string, FlagDefinition> = new Map(
  DEFINITIONS.flatMap((definition) => {
    const { name, oldName } = definition;
    return [name, ...(oldName === undefined ? [] : [oldName])].map((each) => [each, definition]);
  }),
);

export const USAGE = `Usage:

  etcd [flags]
    Start an etcd member.

  etcd --version
    Show the version of etcd.

  etcd -h | --help
    Show the help information about etcd.

  etcd --config-file
    Path to the configuration file; flags and variables then say nothing.
`;

/** Every flag with its default, by group. */
export function helpText(): string {
  const groups = SHOWN.map(({ title, flags }) => {
    const lines = flags.map(({ name, oldName, initial, shownInitial, usage }) => {
      const older = oldName === undefined ? "" : `    Also --${oldName}.\n`;
      return `  --${name} '${shownInitial ?? initial}'\n    ${usage}\n${older}`;
    });
    return `${title}:\n${lines.join("")}`;
  });
  return `${groups.join("\n")}`;
}
