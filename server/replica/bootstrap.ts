// How a member comes to be. Three ways in, one result: who it is, and what its log begins with.
//
//   restart    a log is there: it says everything, flags are not looked at
//   new        all members of --initial-cluster derive the same ids and write the same first
//              entries, "member i was added", each into its own log, as if they had been agreed on
//   existing   a running cluster was told of this member and gave it an id; the log stays empty
//              until the leader fills it
//
// Nothing is written here: the caller creates the log with what comes back.
import { must } from "../base/assert.ts";
import { hexId } from "../base/bytes.ts";
import type { Log } from "../base/log.ts";
import { compareMinor, parseVersion } from "../base/version.ts";
import { additionOf } from "../membership/conf-changes.ts";
import { deriveClusterId, deriveMemberId } from "../membership/member-ids.ts";
import { type Member, parseMembers } from "../membership/member-record.ts";
import { isCompatible } from "../membership/versions.ts";
import { encodeConfChange } from "../proto/conf-codec.ts";
import { type Entry, EntryType, type HardState, type SnapshotMetadata } from "../raft/entry.ts";
import type { PeerCalls } from "../transport/peer-calls.ts";
import type { PeerAddress } from "../transport/transport.ts";
import {
  BootstrapError,
  checkInitialCluster,
  type InitialCluster,
  isSameUrls,
  parseInitialCluster,
} from "./initial-cluster.ts";
import {
  exceptLoopback,
  type LookUp,
  PLAIN_SPELLING,
  resolvedSpelling,
  type Spelling,
} from "./resolved-urls.ts";

export interface BootstrapConfig {
  readonly name: string;
  /** `--initial-cluster`, as given. */
  readonly initialCluster: string;
  readonly initialClusterState: "new" | "existing";
  readonly initialClusterToken: string;
  /** `--initial-advertise-peer-urls` */
  readonly peerUrls: readonly string[];
  /** E.g. `3.5.21`. */
  readonly serverVersion: string;
}

/** What a log holds; that of a restart comes from the disk. */
export interface BootstrapLog {
  readonly metadata: { readonly memberId: bigint; readonly clusterId: bigint };
  readonly hardState: HardState;
  readonly snapshot: SnapshotMetadata;
  readonly entries: readonly Entry[];
}

export interface Bootstrap extends BootstrapLog {
  readonly kind: "new" | "joined" | "restarted";
  /** Whom to talk to before the log has said who is a member. */
  readonly remotes: readonly PeerAddress[];
}

/** Questions to whoever listens on these URLs. */
export type AskPeers = (
  urls: readonly string[],
  timeoutMs: number,
) => Pick<PeerCalls, "members" | "version" | "downgradeEnabled">;

const JOIN_TIMEOUT_MS = 10_000;
/** The others of a new cluster may well not run yet. */
const PEEK_TIMEOUT_MS = 1000;

const NO_SNAPSHOT: SnapshotMetadata = {
  index: 0,
  term: 0,
  confState: { voters: [], learners: [] },
};

/** A member whose log is there. */
export function restart(log: BootstrapLog): Bootstrap {
  return { ...log, kind: "restarted", remotes: [] };
}

/**
 * A member without a log.
 * @throws BootstrapError with etcd's text
 */
export async function bootstrap(
  config: BootstrapConfig,
  ask: AskPeers,
  lookUp: LookUp,
  log: Pick<Log, "warn">,
): Promise<Bootstrap> {
  const cluster = parseInitialCluster(config.initialCluster);
  const listed = cluster.get(config.name) ?? [];
  const isCounted = listed.length === config.peerUrls.length;
  const spelling =
    isCounted && !isSameUrls(listed, config.peerUrls)
      ? await resolvedSpelling([...listed, ...config.peerUrls], exceptLoopback(lookUp))
      : PLAIN_SPELLING;
  checkInitialCluster(cluster, config, spelling);
  return config.initialClusterState === "new"
    ? found(config, cluster, ask)
    : join(config, cluster, ask, lookUp, log);
}

async function found(
  config: BootstrapConfig,
  cluster: InitialCluster,
  ask: AskPeers,
): Promise<Bootstrap> {
  const members = membersOf(cluster, config.initialClusterToken);
  const local = must(
    members.find(({ name }) => name === config.name),
    "the local name was checked",
  );
  const running = await fetchMembers(othersOf(cluster, config.name), ask, PEEK_TIMEOUT_MS);
  const known = running?.members.find(({ id }) => id === local.id);
  if (known !== undefined && known.clientUrls.length > 0) {
    throw new BootstrapError(`member ${hexId(local.id)} has already been bootstrapped`);
  }
  const entries = members.map((member, position) => ({
    type: EntryType.CONF_CHANGE,
    term: 1,
    index: position + 1,
    data: encodeConfChange(additionOf(member, 0n)),
  }));
  return {
    kind: "new",
    metadata: {
      memberId: local.id,
      clusterId: deriveClusterId(members.map(({ id }) => id)),
    },
    hardState: { term: 1, vote: 0n, commit: entries.length },
    snapshot: NO_SNAPSHOT,
    entries,
    remotes: [],
  };
}

async function join(
  config: BootstrapConfig,
  cluster: InitialCluster,
  ask: AskPeers,
  lookUp: LookUp,
  log: Pick<Log, "warn">,
): Promise<Bootstrap> {
  const others = othersOf(cluster, config.name);
  const existing = await fetchMembers(others, ask, JOIN_TIMEOUT_MS, log);
  if (existing === undefined) {
    throw new BootstrapError(
      "cannot fetch cluster info from peer urls: " +
        "could not retrieve cluster information from the given URLs",
    );
  }
  const spelling = await commonSpelling(existing.members, cluster, lookUp);
  const problem = mismatchOf(existing.members, cluster, spelling);
  if (problem !== undefined) {
    throw new BootstrapError(`error validating peerURLs ${format(existing)}: ${problem}`);
  }
  const listed = must(cluster.get(config.name), "the local name was checked");
  const local = must(
    existing.members.find(({ peerUrls }) => isSameUrls(peerUrls, listed, spelling)),
    "every existing member matched one of the initial cluster",
  );
  const remotes = existing.members
    .filter(({ id }) => id !== local.id)
    .map(({ id, peerUrls }) => ({ id, urls: peerUrls }));
  if (!(await isCompatibleWith(remotes, config.serverVersion, ask, log))) {
    throw new BootstrapError("incompatible with current running cluster");
  }
  return {
    kind: "joined",
    metadata: { memberId: local.id, clusterId: existing.clusterId },
    hardState: { term: 0, vote: 0n, commit: 0 },
    snapshot: NO_SNAPSHOT,
    entries: [],
    remotes,
  };
}

/** Ascending by id, as every member of the new cluster lists them. */
function membersOf(cluster: InitialCluster, token: string): Member[] {
  const members = [...cluster].map(([name, peerUrls]) => ({
    id: deriveMemberId(peerUrls, token),
    peerUrls,
    isLearner: false,
    name,
    clientUrls: [],
  }));
  return members.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function othersOf(cluster: InitialCluster, name: string): string[] {
  const others = [...cluster].filter(([other]) => other !== name);
  return others.flatMap(([, urls]) => urls).sort();
}

interface RunningCluster {
  readonly clusterId: bigint;
  readonly members: readonly Member[];
}

/** The first usable answer; `undefined` when there is none. Without a log, none is expected. */
async function fetchMembers(
  urls: readonly string[],
  ask: AskPeers,
  timeoutMs: number,
  log?: Pick<Log, "warn">,
): Promise<RunningCluster | undefined> {
  for (const url of urls) {
    const answer = await answered(
      () => ask([url], timeoutMs).members(),
      (error) => {
        log?.warn("failed to get cluster response", { address: `${url}/members`, error });
      },
    );
    const members = answer === undefined ? undefined : parseMembers(answer.members);
    // A member that has applied nothing yet lists nobody.
    if (answer !== undefined && members !== undefined && members.length > 0) {
      return { clusterId: answer.clusterId, members };
    }
  }
  return undefined;
}

/** Names are only looked up where the members are not told apart without. */
async function commonSpelling(
  existing: readonly Member[],
  cluster: InitialCluster,
  lookUp: LookUp,
): Promise<Spelling> {
  if (mismatchOf(existing, cluster, PLAIN_SPELLING) === undefined) return PLAIN_SPELLING;
  const urls = [...[...cluster.values()].flat(), ...existing.flatMap((each) => each.peerUrls)];
  return resolvedSpelling(urls, exceptLoopback(lookUp));
}

/** Each existing member must be one of ours, reached under the same addresses. */
function mismatchOf(
  existing: readonly Member[],
  cluster: InitialCluster,
  spelling: Spelling,
): string | undefined {
  if (existing.length !== cluster.size) return "member count is unequal";
  const lists = [...cluster.values()];
  for (const { id, peerUrls } of existing) {
    if (lists.some((urls) => isSameUrls(urls, peerUrls, spelling))) continue;
    const urls = `[${peerUrls.join(" ")}]`;
    return (
      `PeerURLs: no match found for existing member (${hexId(id)}, ${urls}), ` +
      "last resolver error (<nil>)"
    );
  }
  return undefined;
}

/** At least one decided cluster version must be known, and all known ones must suit. */
async function isCompatibleWith(
  remotes: readonly PeerAddress[],
  serverVersion: string,
  ask: AskPeers,
  log: Pick<Log, "warn">,
): Promise<boolean> {
  let isKnown = false;
  for (const { id, urls } of remotes) {
    const calls = ask(urls, JOIN_TIMEOUT_MS);
    const member = { "remote-member-id": hexId(id) };
    const failedTo = (what: string) => (error: string) => {
      log.warn(`failed to ${what}`, { ...member, error });
    };
    const cluster = (await answered(() => calls.version(), failedTo("get version")))?.cluster;
    if (cluster === undefined || parseVersion(cluster) === undefined) continue;
    isKnown = true;
    if (isCompatible(cluster, serverVersion)) continue;
    const isOneAhead =
      parseVersion(cluster)?.major === parseVersion(serverVersion)?.major &&
      compareMinor(cluster, serverVersion) === 1;
    const askIfDown = () => calls.downgradeEnabled();
    const failed = failedTo("get downgrade enabled status");
    if (isOneAhead && (await answered(askIfDown, failed)) === true) continue;
    log.warn("cluster version of remote member is not compatible", {
      ...member,
      "remote-member-cluster-version": cluster,
    });
    return false;
  }
  return isKnown;
}

/** A peer that does not answer is passed over: another one may. */
async function answered<T>(
  call: () => Promise<T>,
  failed: (reason: string) => void,
): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    failed((error as Error).message);
    return undefined;
  }
}

function format({ clusterId, members }: RunningCluster): string {
  const list = members.map(
    ({ id, peerUrls, isLearner, name, clientUrls }) =>
      `&{ID:${hexId(id)} RaftAttributes:{PeerURLs:[${peerUrls.join(" ")}] ` +
      `IsLearner:${isLearner}} Attributes:{Name:${name} ClientURLs:[${clientUrls.join(" ")}]}}`,
  );
  return `{ClusterID:${hexId(clusterId)} Members:[${list.join(" ")}] RemovedMemberIDs:[]}`;
}
