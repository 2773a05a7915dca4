import { Distribution } from "../base/distribution.ts";
import { GrpcMethodCounters, type GrpcType } from "./grpc-counters.ts";

/** Clients choose their version text: more distinct ones than this count as "other". */
const CLIENT_VERSIONS_MAX = 64;
const HANDLING_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What the gRPC front counts. Exported to Prometheus when somebody asks, not before. */
export class GrpcMetrics {
  readonly methods: GrpcMethodCounters[] = [];
  /** Message bytes, without framing. */
  receivedBytes = 0;
  sentBytes = 0;
  /** Whether the durations of calls are measured. */
  readonly isExtensive: boolean;
  readonly #unaryVersions = new Map<string, number>();
  readonly #streamVersions = new Map<string, number>();

  constructor(isExtensive = false) {
    this.isExtensive = isExtensive;
  }

  /** The counters of one method, exported from now on, with zeroes until something happens. */
  register(type: GrpcType, service: string, method: string): GrpcMethodCounters {
    const seconds = this.isExtensive ? new Distribution(HANDLING_SECONDS) : undefined;
    const counters = new GrpcMethodCounters(type, service, method, seconds);
    this.methods.push(counters);
    return counters;
  }

  /** One call by a client that says to be of `version` (metadata `client-api-version`). */
  countClient(type: "unary" | "stream", version: string | undefined): void {
    const versions = type === "unary" ? this.#unaryVersions : this.#streamVersions;
    let name = version ?? "unknown";
    if (versions.size >= CLIENT_VERSIONS_MAX && !versions.has(name)) name = "other";
    versions.set(name, (versions.get(name) ?? 0) + 1);
  }

  clientVersions(type: "unary" | "stream"): ReadonlyMap<string, number> {
    return type === "unary" ? this.#unaryVersions : this.#streamVersions;
  }
}
