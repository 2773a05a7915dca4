// What etcd refuses, in its order and its words; then what this program refuses.
import { durationProblem, formatDuration, parseDuration } from "../base/duration.ts";
import { bareRetention } from "../base/retention.ts";
import type { Config } from "../config.ts";
import { boolOf, type FlagDefinition } from "./flag-set.ts";
import { DEFINITIONS } from "./flags.ts";
import { ConfigError, type Given, type Note, StartError } from "./given.ts";
import { CHECKPOINT_PERSIST, notesOn } from "./notes.ts";
import { INT64_MAX, intOf } from "./numbers.ts";
import { addressOf, isBindable, isPort, isUnixSocket } from "./urls.ts";

const ELECTION_MS_MAX = 50_000;
const TLS_VERSIONS = ["", "TLS1.2", "TLS1.3"];

/** @throws ConfigError, StartError */
export function check(config: Config, given: Given, source: "flags" | "file"): Note[] {
  checkUrls(config);
  const clusterState = given.text("initial-cluster-state");
  if (clusterState !== "new" && clusterState !== "existing") {
    throw new ConfigError(`unexpected clusterState ${JSON.stringify(clusterState)}`);
  }
  if (config.initialCluster !== "" && config.discoverySrv !== "") {
    throw new ConfigError(
      "multiple discovery or bootstrap flags are set. " +
        'Choose one of "initial-cluster", "discovery" or "discovery-srv"',
    );
  }
  checkTimes(config);
  const isUnadvertised = given.has("listen-client-urls") && !given.has("advertise-client-urls");
  if (source === "flags" && isUnadvertised) {
    throw new ConfigError(
      "--advertise-client-urls is required when --listen-client-urls is set explicitly",
    );
  }
  checkUpkeep(config, given);
  checkTlsVersions(config);
  for (const definition of DEFINITIONS) checkSupported(definition, given);
  checkStart(config, given);
  return notesOn(config, given);
}

function checkUrls(config: Config): void {
  const listening = [
    ...config.listenPeerUrls,
    ...config.listenClientUrls,
    ...config.listenClientHttpUrls,
    ...config.listenMetricsUrls,
  ];
  for (const url of listening) {
    if (!isBindable(url)) throw new ConfigError(`expected IP in URL for binding (${url})`);
  }
  checkAdvertised("initial-advertise-peer-urls", config.initialAdvertisePeerUrls);
  checkAdvertised("advertise-client-urls", config.advertiseClientUrls);
}

function checkAdvertised(flag: string, urls: readonly string[]): void {
  const odd = urls.find((url) => !isUnixSocket(url) && addressOf(url).host === "");
  if (odd === undefined) return;
  const quoted = JSON.stringify(urls.join(","));
  throw new ConfigError(`--${flag} ${quoted} must be "host:port" (unexpected empty host (${odd}))`);
}

function checkTimes({ heartbeatMs, electionMs }: Config): void {
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
}

function checkUpkeep(config: Config, given: Given): void {
  const mode = given.text("auto-compaction-mode");
  if (!["", "periodic", "revision"].includes(mode)) {
    throw new ConfigError(`unknown auto-compaction-mode ${JSON.stringify(mode)}`);
  }
  if (given.bool(CHECKPOINT_PERSIST) && !config.leaseCheckpoint) {
    throw new ConfigError(
      "setting experimental-enable-lease-checkpoint-persist requires " +
        "experimental-enable-lease-checkpoint",
    );
  }
  if (config.compactHashCheckMs <= 0) {
    const flag = given.nameOf("compact-hash-check-time");
    const value = formatDuration(given.durationNs("compact-hash-check-time"));
    throw new ConfigError(`--${flag} must be >0 (set to ${value})`);
  }
}

function checkTlsVersions({ tlsMinVersion, tlsMaxVersion, cipherSuites }: Config): void {
  for (const version of [tlsMinVersion, tlsMaxVersion]) {
    if (TLS_VERSIONS.includes(version)) continue;
    throw new ConfigError(
      `unexpected TLS version ${JSON.stringify(version)} (must be one of: TLS1.2, TLS1.3)`,
    );
  }
  if (tlsMaxVersion !== "" && tlsMinVersion > tlsMaxVersion) {
    throw new ConfigError(
      `min version (${tlsMinVersion}) is greater than max version (${tlsMaxVersion})`,
    );
  }
  if (tlsMinVersion === "TLS1.3" && cipherSuites.length > 0) {
    throw new ConfigError("cipher suites cannot be configured when only TLS1.3 is enabled");
  }
}

/** A flag that has no effect here may only say what holds anyhow. */
function checkSupported(definition: FlagDefinition, given: Given): void {
  const { name, unsupported, initial, kind, synonyms } = definition;
  if (unsupported === undefined || !given.has(name)) return;
  const value = given.text(name);
  const isHarmless =
    kind === "bool"
      ? boolOf(value) === boolOf(initial)
      : value === initial ||
        synonyms?.includes(value) ||
        (intOf(value) !== undefined && intOf(value) === intOf(initial));
  if (isHarmless) return;
  throw new ConfigError(`--${given.nameOf(name)} is not supported: ${unsupported}`);
}

/** What etcd finds only when it opens its listeners. */
function checkStart(config: Config, given: Given): void {
  const { listenPeerUrls, listenClientUrls, listenClientHttpUrls, listenMetricsUrls } = config;
  const listening = [
    ...listenPeerUrls,
    ...listenClientUrls,
    ...listenClientHttpUrls,
    ...listenMetricsUrls,
  ];
  for (const url of listening) {
    if (isUnixSocket(url)) {
      throw new StartError(`${url} is not supported: members listen on TCP alone`);
    }
    const { port } = addressOf(url);
    if (!isPort(port)) throw new StartError(`listen tcp: address ${port}: invalid port`);
  }
  const both = listenClientUrls.find((url) => listenClientHttpUrls.includes(url));
  if (both !== undefined) {
    throw new StartError(
      `cannot bind both --client-listen-urls and --client-listen-http-urls on the same url ${both}`,
    );
  }
  checkRetention(given);
}

function checkRetention(given: Given): void {
  const retention = given.text("auto-compaction-retention");
  if (retention === "") return;
  const bare = bareRetention(retention);
  if (bare !== undefined && bare <= INT64_MAX) return;
  const duration = parseDuration(retention);
  if (duration === undefined) {
    throw new StartError(`error parsing CompactionRetention: ${durationProblem(retention)}`);
  }
  // etcd ends by a panic once it has started.
  if (duration < 0n) {
    throw new StartError(`--auto-compaction-retention must be >=0 (set to ${retention})`);
  }
  const mode = given.text("auto-compaction-mode");
  if (mode === "" && duration !== 0n) throw new StartError(`unsupported compaction mode ${mode}`);
}
