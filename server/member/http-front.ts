import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { addressOf } from "../config/urls.ts";
import type { Config } from "../config.ts";
import { Access } from "../gateway/access.ts";
import { Gateway } from "../gateway/gateway.ts";
import { JsonGateway } from "../gateway/json-gateway.ts";
import type { MemberProbe } from "../gateway/member-probe.ts";
import { Site } from "../gateway/site.ts";
import type { GrpcDispatch } from "../http2/grpc-call.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { AlarmType, RangeRequest } from "../proto/gen/rpc.ts";
import type { Replica } from "../replica/replica.ts";
import { alarmName } from "./figures.ts";

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
}

/** What clients reach over HTTP: everything where gRPC is served, the little that measures elsewhere. */
export class HttpFront {
  readonly #parts: HttpFrontParts;
  readonly #gateway: Gateway;
  readonly #figures: Gateway;

  constructor(parts: HttpFrontParts) {
    const { config, clock, log, metrics, dispatch, messageBytesMax } = parts;
    this.#parts = parts;
    const shared = { log, metrics, probe: probeOf(parts) };
    const { cors, hostWhitelist } = config;
    const json = new JsonGateway({ clock, dispatch, messageBytesMax });
    const site = new Site({
      ...shared,
      access: new Access({ cors, hostWhitelist, log }),
      json: config.enableGrpcGateway ? json : undefined,
      isFull: true,
    });
    this.#gateway = new Gateway({ clock, serve: site.serve });
    const figures = new Site({ ...shared, access: undefined, json: undefined, isFull: false });
    this.#figures = new Gateway({ clock, serve: figures.serve });
  }

  get accept(): Gateway["accept"] {
    return this.#gateway.accept;
  }

  /** Opens the URLs that are HTTP's alone. Rejects when an address cannot be had. */
  async start(): Promise<void> {
    for (const url of this.#parts.config.listenMetricsUrls) {
      const { host, port } = addressOf(url);
      await this.#figures.listen(host, port);
    }
  }

  stop(): void {
    this.#gateway.close();
    this.#figures.close();
  }
}

function probeOf({ state, replica }: HttpFrontParts): MemberProbe {
  const { membership } = state;
  const probed = RangeRequest.fromPartial({ key: Buffer.from("health"), countOnly: true });
  return {
    serverVersion: state.serverVersion,
    alarms: () => state.alarms.list(AlarmType.NONE).map(({ alarm }) => alarmName(alarm)),
    hasLeader: () => replica.leadership.hasLeader,
    isLearner: () => membership.local?.isLearner ?? false,
    clusterVersion: () => membership.clusterVersion,
    read: async (isSerializable: boolean) => {
      if (!isSerializable) await replica.readBarrier();
      state.operationCounts.read(1);
      state.kv.range(probed);
    },
  };
}
