import type { Quota } from "../apply/quota.ts";
import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { type Address, addressOf } from "../config/urls.ts";
import type { Config } from "../config.ts";
import { GrpcServer } from "../http2/grpc-server.ts";
import { DEFAULT_LIMITS, type Http2Limits } from "../http2/limits.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Compactor } from "../replica/compactor.ts";
import type { HashRuns } from "../replica/hash-kv.ts";
import type { Leases } from "../replica/leases.ts";
import type { Reconfigurer } from "../replica/reconfigurer.ts";
import type { Replica } from "../replica/replica.ts";
import type { SlowRequests } from "../replica/slow-requests.ts";
import { registerAuth } from "../rpc/auth.ts";
import { CallGuards } from "../rpc/call-guards.ts";
import { registerChildren } from "../rpc/children.ts";
import { registerCluster } from "../rpc/cluster.ts";
import { Dispatcher } from "../rpc/dispatch.ts";
import { registerElection } from "../rpc/election.ts";
import { Headers } from "../rpc/header.ts";
import { HealthReporter } from "../rpc/health.ts";
import { registerKv } from "../rpc/kv.ts";
import { LeaderStreams } from "../rpc/leader-streams.ts";
import { registerLease } from "../rpc/lease.ts";
import { registerLock } from "../rpc/lock.ts";
import { registerMaintenance } from "../rpc/maintenance.ts";
import type { Proposer } from "../rpc/proposer.ts";
import { RangeReader } from "../rpc/range-reader.ts";
import { RequestStats } from "../rpc/request-stats.ts";
import { registerWatch } from "../rpc/watch.ts";
import type { WatchHub } from "../watch/hub.ts";
import { connectionPlaces } from "./connection-places.ts";
import type { Credentials } from "./credentials.ts";
import { statePathOf } from "./data-folder.ts";
import { HttpFront } from "./http-front.ts";
import { logClientTraffic } from "./log-lines.ts";
import type { ClientHandshakes } from "./security.ts";

/** Beyond the request itself: what gRPC and the proposal's envelope may add. */
const GRPC_OVERHEAD_BYTES = 512 * 1024;
/** What gRPC demands of clients that nobody said anything about. */
const PING_INTERVAL_MIN_MS = 300_000;
/** gRPC pings no faster, whatever it is told. */
const KEEPALIVE_INTERVAL_MIN_MS = 1000;
/** What calls that are open may take to end when the member stops. */
const GRACE_MS = 500;

export interface ClientFrontParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly state: ReplicatedState;
  readonly replica: Replica;
  readonly compactor: Compactor;
  readonly leases: Leases;
  readonly reconfigurer: Reconfigurer;
  readonly hashes: HashRuns;
  readonly proposer: Proposer;
  readonly quota: Quota;
  readonly credentials: Credentials;
  readonly hub: WatchHub;
  readonly metrics: Metrics;
  readonly slowRequests: SlowRequests;
  /** For https URLs; absent where there are none. */
  readonly handshakes: ClientHandshakes | undefined;
}

/** All that clients reach: gRPC, and HTTP on the same ports. */
export class ClientFront {
  readonly #parts: ClientFrontParts;
  readonly #leaderStreams: LeaderStreams;
  readonly #health: HealthReporter;
  readonly #http: HttpFront;
  readonly #server: GrpcServer;

  constructor(parts: ClientFrontParts) {
    const { config, clock, log, replica } = parts;
    this.#parts = parts;
    this.#health = new HealthReporter(log);
    this.#leaderStreams = new LeaderStreams(
      clock,
      config.electionMs,
      () => replica.leadership.hasLeader,
    );
    const dispatcher = this.#register();
    const messageBytesMax = config.requestBytesMax + GRPC_OVERHEAD_BYTES;
    const { dispatch } = dispatcher;
    this.#http = new HttpFront({ ...parts, dispatch, messageBytesMax });
    this.#server = new GrpcServer({
      clock,
      log,
      dispatch,
      acceptHttp1: this.#http.accept,
      dispatchHttp: this.#http.dispatchHttp,
      limits: limitsOf(config, messageBytesMax),
      opening: new Promise((open) => parts.state.membership.whenDecided(open)),
    });
  }

  /** Opens all client URLs. Rejects when an address cannot be had. */
  async start(): Promise<void> {
    const { config, log, handshakes } = this.#parts;
    const { reusePort } = config;
    await this.#http.start();
    this.#health.serve();
    for (const { host, port, isPlain, isSecure } of accessOf(config.listenClientUrls)) {
      const access = { isPlain, reusePort, handshakes: isSecure ? handshakes?.all : undefined };
      const { address, port: actual } = await this.#server.listen(host, port, access);
      const traffic = this.#http.isApart ? "grpc" : "grpc+http";
      const fields = { traffic, address: `${address}:${actual}` } as const;
      if (isPlain) logClientTraffic(log, "http", fields);
      if (isSecure) logClientTraffic(log, "https", fields);
    }
  }

  async stop(): Promise<void> {
    this.#health.leave();
    this.#leaderStreams.close();
    this.#http.stop();
    for (const each of Object.values(this.#parts.handshakes ?? {})) each.close();
    await this.#server.stop(GRACE_MS);
  }

  #register(): Dispatcher {
    const parts = this.#parts;
    const { config, clock, random, log, state, replica, hub, metrics } = parts;
    const { membership } = state;
    const { grpc } = metrics;
    const serving = {
      isCapable: () => membership.clusterVersion !== undefined,
      isLearner: () => membership.local?.isLearner ?? false,
      hasLeader: () => replica.leadership.hasLeader,
    };
    const guards = new CallGuards(serving, grpc);
    const leaderStreams = this.#leaderStreams;
    const { callers } = parts.credentials;
    const dispatcher = new Dispatcher({
      clock,
      log,
      guards,
      callers,
      metrics: grpc,
      leaderStreams,
      stats: new RequestStats({
        clock,
        log,
        warningMs: config.warningUnaryRequestMs,
        isDebug: config.log.level === "debug",
      }),
    });
    const headers = new Headers({
      clusterId: membership.clusterId,
      memberId: membership.memberId,
      term: () => replica.term,
      revision: () => state.kv.revision,
    });
    const ranges = new RangeReader(state, clock);
    const services = { ...parts, ...parts.credentials, headers, ranges };
    registerKv(dispatcher, { ...services, txnOpsMax: config.txnOpsMax });
    registerLease(dispatcher, services);
    registerCluster(dispatcher, services);
    const { heartbeatMs, quotaBytes } = config;
    const onDefragment = config.stopGrpcServiceOnDefrag
      ? (isRunning: boolean) => {
          if (isRunning) this.#health.stopServing("defrag is active");
          else this.#health.serve();
        }
      : undefined;
    const statePath = statePathOf(config);
    const upkeep = { heartbeatMs, quotaBytes, statePath, onDefragment };
    registerMaintenance(dispatcher, { ...services, ...upkeep });
    registerAuth(dispatcher, services);
    registerWatch(dispatcher, {
      hub,
      clock,
      random,
      header: (revision) => headers.at(revision),
      log,
      authorize: (call, key, rangeEnd) =>
        callers.checkAccess(call, (access) => access.checkRead(key, rangeEnd)),
      progressNotifyMs: config.watchProgressNotifyMs,
      responseBytesMax: config.requestBytesMax + GRPC_OVERHEAD_BYTES,
    });
    registerLock(dispatcher, { hub });
    registerElection(dispatcher, { hub, header: (revision) => headers.at(revision) });
    registerChildren(dispatcher, {
      store: () => state.kv,
      header: (revision) => headers.at(revision),
      admit: async ({ prefix, serializable }, call) => {
        if (!serializable) await replica.readBarrier();
        await callers.checkAccess(call, (access) => access.checkReadPrefix(prefix));
      },
    });
    this.#health.register(dispatcher);
    return dispatcher;
  }
}

/** What flags say about connections; 0 stands for gRPC's own default, as in etcd. */
function limitsOf(config: Config, messageBytesMax: number): Partial<Http2Limits> {
  const { grpcKeepaliveMinMs, grpcKeepaliveIntervalMs, grpcKeepaliveTimeoutMs } = config;
  const { keepaliveIntervalMs, keepaliveTimeoutMs, streamsMax } = DEFAULT_LIMITS;
  const isPinging = grpcKeepaliveIntervalMs > 0 && grpcKeepaliveTimeoutMs > 0;
  return {
    connectionsMax: connectionPlaces().clients,
    messageBytesMax,
    streamsMax: Math.min(config.maxConcurrentStreams || streamsMax, streamsMax),
    pingIntervalMinMs: grpcKeepaliveMinMs > 0 ? grpcKeepaliveMinMs : PING_INTERVAL_MIN_MS,
    keepaliveIntervalMs: isPinging
      ? Math.max(grpcKeepaliveIntervalMs, KEEPALIVE_INTERVAL_MIN_MS)
      : keepaliveIntervalMs,
    keepaliveTimeoutMs: isPinging ? grpcKeepaliveTimeoutMs : keepaliveTimeoutMs,
  };
}

interface ClientAddress extends Address {
  readonly isPlain: boolean;
  readonly isSecure: boolean;
}

/** The addresses of URLs: http and https may name the same one. */
function accessOf(urls: readonly string[]): ClientAddress[] {
  const byAuthority = new Map<string, ClientAddress>();
  for (const url of urls) {
    const authority = url.slice(url.indexOf("://") + 3);
    const known = byAuthority.get(authority) ?? { isPlain: false, isSecure: false };
    const isSecure = url.startsWith("https:");
    byAuthority.set(authority, {
      ...addressOf(url),
      isPlain: known.isPlain || !isSecure,
      isSecure: known.isSecure || isSecure,
    });
  }
  return [...byAuthority.values()];
}
