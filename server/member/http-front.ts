import { alarmName, alarmText } from "../alarm/alarm-name.ts";
import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { addressOf } from "../config/urls.ts";
import type { Config } from "../config.ts";
import { Access } from "../gateway/access.ts";
import { Gateway } from "../gateway/gateway.ts";
import { Http2Exchange } from "../gateway/http2-exchange.ts";
import { JsonGateway } from "../gateway/json-gateway.ts";
import type { MemberProbe } from "../gateway/member-probe.ts";
import { Profiling } from "../gateway/profiling.ts";
import { Site } from "../gateway/site.ts";
import type { GrpcDispatch } from "../http2/grpc-call.ts";
import type { Handshakes } from "../http2/grpc-server.ts";
import type { HttpDispatch } from "../http2/http-call.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { Scrapes } from "../metrics/scrapes.ts";
import { AlarmType, RangeRequest } from "../proto/gen/rpc.ts";
import type { Replica } from "../replica/replica.ts";
import { connectionPlaces } from "./connection-places.ts";
import { debugVars } from "./debug-vars.ts";
import { logClientTraffic } from "./log-lines.ts";
import type { ClientHandshakes } from "./security.ts";

type HttpSocket = Parameters<Gateway["accept"]>[0];

export interface HttpFrontParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly state: ReplicatedState;
  readonly replica: Replica;
  readonly dispatch: GrpcDispatch;
  /** Of a request, as gRPC counts. */
  readonly messageBytesMax: number;
  /** For URLs with https; what is not served is refused before. */
  readonly handshakes: ClientHandshakes | undefined;
}

/** What clients reach over HTTP: everything where gRPC is served, the little that measures elsewhere. */
export class HttpFront {
  readonly #parts: HttpFrontParts;
  /** Whether HTTP has URLs of its own. */
  readonly isApart: boolean;
  readonly #serve: Site["serve"];
  readonly #gateway: Gateway;
  readonly #figures: Gateway;
  readonly #profiling: Profiling | undefined;

  constructor(parts: HttpFrontParts) {
    const { config, clock, log, metrics, dispatch, messageBytesMax, state } = parts;
    this.#parts = parts;
    const { health } = metrics;
    const { http: connectionsMax } = connectionPlaces();
    const scrapes = new Scrapes(metrics, clock);
    const shared = { log, health, scrapes, probe: probeOf(parts) };
    const { cors, hostWhitelist, clientTls } = config;
    // Also while a snapshot takes the state's place: then nobody knows.
    const areNamesIdentities = () =>
      clientTls.clientCertAuth && (state.isReplacing || state.auth.isEnabled);
    // etcd's rule.
    const isProfiled = config.enablePprof || config.log.level === "debug";
    this.#profiling = isProfiled ? new Profiling(clock) : undefined;
    const json = new JsonGateway({ clock, log, dispatch, messageBytesMax });
    const site = new Site({
      ...shared,
      access: new Access({ cors, hostWhitelist, areNamesIdentities, log }),
      json: config.enableGrpcGateway ? json : undefined,
      profiling: this.#profiling,
      isFull: true,
    });
    this.isApart = config.listenClientHttpUrls.length > 0;
    this.#serve = site.serve;
    this.#gateway = new Gateway({ clock, serve: site.serve, connectionsMax });
    const figures = new Site({
      ...shared,
      access: undefined,
      json: undefined,
      profiling: undefined,
      isFull: false,
    });
    this.#figures = new Gateway({ clock, serve: figures.serve, connectionsMax });
  }

  /** Of HTTP/1, where gRPC is served. Closed at once where HTTP has URLs of its own. */
  readonly accept = (socket: HttpSocket, certificateName: string | undefined): void => {
    if (this.isApart) socket.destroy();
    else this.#gateway.accept(socket, certificateName);
  };

  /** Of HTTP/2, where gRPC is served; undefined where HTTP has URLs of its own. */
  get dispatchHttp(): HttpDispatch | undefined {
    return this.isApart ? undefined : (call) => this.#serve(new Http2Exchange(call));
  }

  /** Opens the URLs that are HTTP's alone. Rejects when an address cannot be had. */
  async start(): Promise<void> {
    const { config, handshakes, log } = this.#parts;
    await this.#profiling?.start();
    for (const url of config.listenClientHttpUrls) {
      const { address, port } = await listen(this.#gateway, url, config, handshakes?.http);
      const scheme = url.startsWith("https:") ? "https" : "http";
      logClientTraffic(log, scheme, { traffic: "http", address: `${address}:${port}` });
    }
    for (const url of config.listenMetricsUrls) {
      await listen(this.#figures, url, config, handshakes?.metrics);
      log.info("serving metrics", { address: url });
    }
  }

  stop(): void {
    this.#gateway.close();
    this.#figures.close();
    this.#profiling?.stop();
  }
}

function listen(
  gateway: Gateway,
  url: string,
  { reusePort }: Config,
  handshakes: Handshakes | undefined,
): ReturnType<Gateway["listen"]> {
  const where = { ...addressOf(url), reusePort };
  return gateway.listen(where, url.startsWith("https:") ? handshakes : undefined);
}

function probeOf({ state, replica }: HttpFrontParts): MemberProbe {
  const { membership } = state;
  const probed = RangeRequest.fromPartial({ key: Buffer.from("health"), countOnly: true });
  return {
    serverVersion: state.serverVersion,
    alarms: () =>
      state.alarms
        .list(AlarmType.NONE)
        .map((each) => ({ name: alarmName(each.alarm), text: alarmText(each) })),
    hasLeader: () => replica.leadership.hasLeader,
    isLearner: () => membership.local?.isLearner ?? false,
    clusterVersion: () => membership.clusterVersion,
    debugVars: () => debugVars(replica),
    read: async (isSerializable: boolean) => {
      if (!isSerializable) await replica.readBarrier();
      state.operationCounts.read(1);
      state.kv.range(probed);
    },
  };
}
