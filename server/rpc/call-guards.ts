import { isUtf8 } from "node:buffer";
import { EtcdError } from "../errors.ts";
import type { Metadata } from "../http2/metadata.ts";
import type { GrpcMetrics } from "../metrics/grpc-metrics.ts";
import { RangeRequest } from "../proto/gen/rpc.ts";
import { decodeRequest } from "./call-errors.ts";

/** What the guards ask the member. Each is asked once per call, so it must be cheap. */
export interface ServingState {
  /** The v3 API is on: the cluster's version has been decided. */
  isCapable(): boolean;
  isLearner(): boolean;
  hasLeader(): boolean;
}

const ASCII = /^[ -~]*$/;
const STATUS_PATH = "/etcdserverpb.Maintenance/Status";
const RANGE_PATH = "/etcdserverpb.KV/Range";
const SNAPSHOT_PATH = "/etcdserverpb.Maintenance/Snapshot";

/** Only the literal value counts, as in etcd. */
export function requiresLeader(metadata: Metadata): boolean {
  return metadata.get("hasleader") === "true";
}

/** What must hold before a call reaches its service, in etcd's order; clients are counted between. */
export class CallGuards {
  readonly #state: ServingState;
  readonly #metrics: Pick<GrpcMetrics, "countClient">;

  constructor(state: ServingState, metrics: Pick<GrpcMetrics, "countClient">) {
    this.#state = state;
    this.#metrics = metrics;
  }

  /** Throws what the client gets instead of an answer. */
  checkUnary(path: string, metadata: Metadata, request: Buffer): void {
    if (!this.#state.isCapable()) throw new EtcdError("NotCapable");
    if (this.#state.isLearner() && !learnerAnswers(path, request)) {
      throw new EtcdError("NotSupportedForLearner");
    }
    this.#checkClient("unary", metadata);
  }

  checkStream(path: string, metadata: Metadata): void {
    if (!this.#state.isCapable()) throw new EtcdError("NotCapable");
    if (this.#state.isLearner() && path !== SNAPSHOT_PATH) {
      throw new EtcdError("NotSupportedForLearner");
    }
    this.#checkClient("stream", metadata);
  }

  #checkClient(type: "unary" | "stream", metadata: Metadata): void {
    this.#metrics.countClient(type, clientVersion(metadata));
    if (requiresLeader(metadata) && !this.#state.hasLeader()) throw new EtcdError("NoLeader");
  }
}

/** @throws EtcdError InvalidClientAPIVersion */
function clientVersion(metadata: Metadata): string | undefined {
  const sent = metadata.get("client-api-version");
  if (sent === undefined || ASCII.test(sent)) return sent;
  const bytes = Buffer.from(sent, "latin1");
  if (!isUtf8(bytes)) throw new EtcdError("InvalidClientAPIVersion");
  return bytes.toString();
}

function learnerAnswers(path: string, request: Buffer): boolean {
  if (path === STATUS_PATH) return true;
  return path === RANGE_PATH && decodeRequest(RangeRequest, request).serializable;
}
