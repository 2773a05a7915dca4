// What a member was told to be: flags over environment over defaults, checked as etcd checks it.
import type { LogLevel } from "./base/log.ts";
import { boolOf, checkValue, intOf, parseFlags } from "./config/flag-set.ts";
import { FLAGS } from "./config/flags.ts";
import { isAdvertisable, isBindable, parseUrls } from "./config/urls.ts";

export interface Config {
  readonly name: string;
  readonly dataDir: string;
  /** Empty: within the data folder. */
  readonly walDir: string;
  readonly listenClientUrls: readonly string[];
  readonly advertiseClientUrls: readonly string[];
  readonly listenPeerUrls: readonly string[];
  readonly initialAdvertisePeerUrls: readonly string[];
  readonly initialCluster: string;
  readonly initialClusterState: "new" | "existing";
  readonly initialClusterToken: string;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly initialElectionTickAdvance: boolean;
  /** Applied entries between two compactions of the log. */
  readonly snapshotCount: number;
  /** Entries that stay in memory behind a compaction. */
  readonly snapshotCatchupEntries: number;
  /** Infinity: no limit. */
  readonly quotaBytes: number;
  readonly txnOpsMax: number;
  readonly requestBytesMax: number;
  readonly strictReconfigCheck: boolean;
  readonly preVote: boolean;
  readonly logLevel: LogLevel;
}

/** What else the command line asked for, or what its reader should be told. */
export interface ConfigResult {
  readonly config: Config;
  readonly isVersionRequest: boolean;
  readonly warnings: readonly string[];
}

/** A configuration that etcd refuses; exit code 1. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const QUOTA_BYTES_DEFAULT = 2 * 1024 ** 3;
const QUOTA_BYTES_RECOMMENDED_MAX = 8 * 1024 ** 3;
const ELECTION_MS_MAX = 50_000;
const ENVIRONMENT_PREFIX = "ETCD_";

/**
 * @param args what follows the program's name
 * @throws FlagSyntaxError (exit code 2), HelpRequest (0), ConfigError (1)
 */
export function readConfig(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ConfigResult {
  const { values, positional } = parseFlags(FLAGS, args);
  if (positional.length > 0) throw new ConfigError(`'${positional[0]}' is not a valid flag`);
  const warnings: string[] = [];
  const given = new Map([...readEnvironment(environment, values, warnings), ...values]);
  const config = Object.freeze(assemble(given));
  check(config, given);
  if (config.name === "default") warnings.push(DEFAULT_NAME_WARNING);
  if (!given.has("data-dir")) warnings.push("'data-dir' was empty; using default");
  if (config.quotaBytes > QUOTA_BYTES_RECOMMENDED_MAX && config.quotaBytes !== Infinity) {
    warnings.push("backend quota value exceeds maximum recommended value");
  }
  return { config, isVersionRequest: boolOf(given.get("version") ?? "false") ?? false, warnings };
}

const DEFAULT_NAME_WARNING =
  "it isn't recommended to use default name, please set a value for --name. " +
  "Note that etcd might run into issue when multiple members have the same default name";

/** ETCD_FOO_BAR stands for --foo-bar; both at once is a mistake somewhere. */
function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  flags: ReadonlyMap<string, string>,
  warnings: string[],
): Map<string, string> {
  const found = new Map<string, string>();
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(ENVIRONMENT_PREFIX) || value === undefined || value === "") continue;
    const name = variable.slice(ENVIRONMENT_PREFIX.length).toLowerCase().replaceAll("_", "-");
    const definition = FLAGS.get(name);
    if (definition === undefined || name === "version") {
      warnings.push(`unrecognized environment variable ${variable}=${value}`);
      continue;
    }
    if (flags.has(name)) {
      throw new ConfigError(
        `conflicting environment variable "${variable}" is shadowed by corresponding ` +
          `command-line flag (either unset environment variable or disable flag)`,
      );
    }
    checkValue(definition, value);
    found.set(name, value);
  }
  return found;
}

function assemble(given: ReadonlyMap<string, string>): Config {
  const text = (name: string) => given.get(name) ?? FLAGS.get(name)?.initial ?? "";
  const number = (name: string) => Number(intOf(text(name)) ?? 0n);
  const bool = (name: string) => boolOf(text(name)) ?? false;
  const urls = (name: string) => parseUrls(text(name));
  const name = text("name");
  const quota = number("quota-backend-bytes");
  const peers = urls("initial-advertise-peer-urls");
  const ownCluster = peers.map((url) => `${name}=${url}`).join(",");
  const isOldCatchup = given.has("experimental-snapshot-catchup-entries");
  const catchup = isOldCatchup
    ? "experimental-snapshot-catchup-entries"
    : "snapshot-catchup-entries";
  return {
    name,
    dataDir: text("data-dir") === "" ? `${name}.etcd` : text("data-dir"),
    walDir: text("wal-dir"),
    listenClientUrls: urls("listen-client-urls"),
    advertiseClientUrls: urls("advertise-client-urls"),
    listenPeerUrls: urls("listen-peer-urls"),
    initialAdvertisePeerUrls: peers,
    initialCluster: given.has("initial-cluster") ? text("initial-cluster") : ownCluster,
    initialClusterState: text("initial-cluster-state") === "existing" ? "existing" : "new",
    initialClusterToken: text("initial-cluster-token"),
    heartbeatMs: number("heartbeat-interval"),
    electionMs: number("election-timeout"),
    initialElectionTickAdvance: bool("initial-election-tick-advance"),
    snapshotCount: number("snapshot-count"),
    snapshotCatchupEntries: number(catchup),
    quotaBytes: quota < 0 ? Infinity : quota === 0 ? QUOTA_BYTES_DEFAULT : quota,
    txnOpsMax: number("max-txn-ops"),
    requestBytesMax: number("max-request-bytes"),
    strictReconfigCheck: bool("strict-reconfig-check"),
    preVote: bool("pre-vote"),
    logLevel: text("log-level") as LogLevel,
  };
}

/** In etcd's order, with etcd's texts. */
function check(config: Config, given: ReadonlyMap<string, string>): void {
  const { heartbeatMs, electionMs } = config;
  for (const url of [...config.listenPeerUrls, ...config.listenClientUrls]) {
    if (!isBindable(url)) throw new ConfigError(`expected IP in URL for binding (${url})`);
    if (!url.startsWith("http://")) {
      throw new ConfigError(
        `TLS key/cert must be provided for the url ${url}, only http is served`,
      );
    }
  }
  checkAdvertised("initial-advertise-peer-urls", config.initialAdvertisePeerUrls);
  checkAdvertised("advertise-client-urls", config.advertiseClientUrls);
  if (heartbeatMs === 0) throw new ConfigError("--heartbeat-interval must be >0 (set to 0ms)");
  if (electionMs === 0) throw new ConfigError("--election-timeout must be >0 (set to 0ms)");
  if (heartbeatMs * 5 > electionMs) {
    throw new ConfigError(
      `--election-timeout[${electionMs}ms] should be at least as 5 times as ` +
        `--heartbeat-interval[${heartbeatMs}ms]`,
    );
  }
  if (electionMs > ELECTION_MS_MAX) {
    throw new ConfigError(
      `--election-timeout[${electionMs}ms] is too long, and should be set less than ` +
        `${ELECTION_MS_MAX}ms`,
    );
  }
  if (given.has("listen-client-urls") && !given.has("advertise-client-urls")) {
    throw new ConfigError(
      "--advertise-client-urls is required when --listen-client-urls is set explicitly",
    );
  }
}

function checkAdvertised(flag: string, urls: readonly string[]): void {
  for (const url of urls) {
    if (isAdvertisable(url)) continue;
    const reason = `unexpected empty host (${url})`;
    throw new ConfigError(`--${flag} "${url}" must be "host:port" (${reason})`);
  }
}
