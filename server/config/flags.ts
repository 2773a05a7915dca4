import { LOG_LEVELS } from "../base/log.ts";
import type { FlagDefinition, FlagKind } from "./flag-set.ts";
import { parseUrls } from "./urls.ts";

const checkUrls = (value: string) => void parseUrls(value);

function flag(name: string, kind: FlagKind, initial: string, usage: string): FlagDefinition {
  return { name, kind, initial, usage, ...(kind === "urls" ? { check: checkUrls } : {}) };
}

function choice(name: string, values: readonly string[], initial: string, usage: string) {
  return { name, kind: "choice", initial, usage, values } satisfies FlagDefinition;
}

const CATCHUP_USAGE = "Entries kept in memory for followers that lag, after the log was compacted.";

const GROUPS: readonly (readonly [title: string, flags: readonly FlagDefinition[]])[] = [
  [
    "Member",
    [
      flag("name", "text", "default", "Human-readable name of this member."),
      flag("data-dir", "text", "", "Folder of this member's data (default '${name}.etcd')."),
      flag("wal-dir", "text", "", "Folder of the write-ahead log, when it is to be elsewhere."),
      flag("snapshot-count", "uint", "100000", "Applied entries after which the log is compacted."),
      flag("snapshot-catchup-entries", "uint", "5000", CATCHUP_USAGE),
      flag("experimental-snapshot-catchup-entries", "uint", "5000", CATCHUP_USAGE),
      flag("heartbeat-interval", "uint", "100", "Milliseconds between a leader's heartbeats."),
      flag("election-timeout", "uint", "1000", "Milliseconds of silence before an election."),
      flag(
        "initial-election-tick-advance",
        "bool",
        "true",
        "Shorten the wait for the first election after a start.",
      ),
      flag("listen-peer-urls", "urls", "http://localhost:2380", "Where to listen for members."),
      flag("listen-client-urls", "urls", "http://localhost:2379", "Where to listen for clients."),
      flag("quota-backend-bytes", "int", "0", "Size at which writes stop; 0 is 2 GiB, < 0 none."),
      flag("max-txn-ops", "uint", "128", "Operations that one transaction may hold."),
      flag("max-request-bytes", "uint", "1572864", "Bytes that one request may have."),
    ],
  ],
  [
    "Clustering",
    [
      flag(
        "initial-advertise-peer-urls",
        "urls",
        "http://localhost:2380",
        "This member's peer URLs, told to the rest of the cluster.",
      ),
      flag(
        "initial-cluster",
        "text",
        "default=http://localhost:2380",
        "The members of a new cluster: 'name=url[,name=url...]'.",
      ),
      choice("initial-cluster-state", ["new", "existing"], "new", "'new' or 'existing'."),
      flag("initial-cluster-token", "text", "etcd-cluster", "Keeps clusters apart."),
      flag(
        "advertise-client-urls",
        "urls",
        "http://localhost:2379",
        "This member's client URLs, told to the rest of the cluster.",
      ),
      flag("strict-reconfig-check", "bool", "true", "Refuse changes that would lose the quorum."),
      flag("pre-vote", "bool", "true", "Ask before campaigning, so that nobody disturbs a leader."),
    ],
  ],
  [
    "Logging",
    [choice("log-level", LOG_LEVELS, "info", "debug, info, warn, error, panic or fatal.")],
  ],
  ["Other", [flag("version", "bool", "false", "Print the version and exit.")]],
];

/** Every flag, by name. */
export const FLAGS: ReadonlyMap<string, FlagDefinition> = new Map(
  GROUPS.flatMap(([, flags]) => flags).map((definition) => [definition.name, definition]),
);

export const USAGE = `Usage:

  etcd [flags]
    Start an etcd member.

  etcd --version
    Show the version of etcd.

  etcd -h | --help
    Show the help information about etcd.
`;

/** The usage and every flag with its default. */
export function helpText(): string {
  const groups = GROUPS.map(([title, flags]) => {
    const lines = flags.map(
      ({ name, initial, usage }) => `  --${name} '${initial}'\n    ${usage}\n`,
    );
    return `${title}:\n${lines.join("")}`;
  });
  return `${USAGE}\n${groups.join("\n")}`;
}
