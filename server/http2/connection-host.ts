import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Deadlines } from "./deadlines.ts";
import type { GrpcDispatch } from "./grpc-call.ts";
import type { HeldBytesPool } from "./held-bytes.ts";
import type { HttpDispatch } from "./http-call.ts";
import type { Http2Limits } from "./limits.ts";
import type { BufferPool } from "./outbox.ts";
import type { ConnectionPeer } from "./stream.ts";

/** What the connections of one server share. */
export interface ConnectionHost {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Http2Limits;
  readonly dispatch: GrpcDispatch;
  /** For encrypted connections; elsewhere, and without it, only gRPC is answered. */
  readonly dispatchHttp: HttpDispatch | undefined;
  readonly deadlines: Deadlines;
  readonly buffers: BufferPool;
  readonly held: HeldBytesPool;
  /** Calls `endTurn` once when the turn is over. */
  endTurnLater(connection: Turning): void;
  closed(connection: Turning): void;
}

/** How a connection came to be served. */
export type Admission = Pick<ConnectionPeer, "isEncrypted" | "certificateName">;

export interface Turning {
  endTurn(): void;
}
