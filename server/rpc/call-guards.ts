import { EtcdError } from "../errors.ts";
import type { Metadata } from "../http2/metadata.ts";
import { RangeRequest } from "../proto/gen/rpc.ts";
import { decodeRequest } from "./call-errors.ts";

/** What the guards ask the member. Each is asked once per call, so it must be cheap. */
export interface ServingState {
  /** The v3 API is on: the cluster's version has been decided. */
  isCapable(): boolean;
  isLearner(): boolean;
  hasLeader(): boolean;
}

const STATUS_PATH = "/etcdserverpb.Maintenance/Status";
const RANGE_PATH = "/etcdserverpb.KV/Range";
const SNAPSHOT_PATH = "/etcdserverpb.Maintenance/Snapshot";

/** Only the literal value counts, as in etcd. */
export function requiresLeader(metadata: Metadata): boolean {
  return metadata.get("hasleader") === "true";
}

/** What must hold before a call reaches its service, in etcd's order. */
export class CallGuards {
  readonly #state: ServingState;

  constructor(state: ServingState) {
    this.#state = state;
  }

  /** Throws what the client gets instead of an answer. */
  checkUnary(path: string, metadata: Metadata, request: Buffer): void {
    if (!this.#state.isCapable()) throw new EtcdError("NotCapable");
    if (this.#state.isLearner() && !learnerAnswers(path, request)) {
      throw new EtcdError("NotSupportedForLearner");
    }
    this.#checkLeader(metadata);
  }

  checkStream(path: string, metadata: Metadata): void {
    if (!this.#state.isCapable()) throw new EtcdError("NotCapable");
    if (this.#state.isLearner() && path !== SNAPSHOT_PATH) {
      throw new EtcdError("NotSupportedForLearner");
    }
    this.#checkLeader(metadata);
  }

  #checkLeader(metadata: Metadata): void {
    if (requiresLeader(metadata) && !this.#state.hasLeader()) throw new EtcdError("NoLeader");
  }
}

function learnerAnswers(path: string, request: Buffer): boolean {
  if (path === STATUS_PATH) return true;
  return path === RANGE_PATH && decodeRequest(RangeRequest, request).serializable;
}
