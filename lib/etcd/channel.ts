// One gRPC connection to one member, with the errors of both worlds translated.

import type { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  type CallOptions,
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  connectivityState,
  credentials,
  type Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { asBuffer } from "../../server/base/bytes.ts";
import { ClusterError, fromStatus } from "./cluster-error.ts";
import type { Endpoint } from "./endpoint.ts";

/** PEM. Without an authority the system's own are trusted. */
export interface TlsMaterial {
  readonly authority?: Buffer | undefined;
  readonly certificate?: Buffer | undefined;
  readonly key?: Buffer | undefined;
}

interface Codec<T> {
  encode(message: T): BinaryWriter;
  decode(input: BinaryReader | Uint8Array): T;
}

/** A method of a generated service definition. */
export interface Method<Request, Response> {
  readonly name: string;
  readonly requestType: Codec<Request>;
  readonly responseType: Codec<Response>;
}

export interface Service {
  readonly fullName: string;
}

/** etcd hangs up on clients that ping more often than every 5 s. */
const KEEPALIVE_INTERVAL_MS = 6_000;
const KEEPALIVE_TIMEOUT_MS = 3_500;
const RECONNECT_DELAY_MIN_MS = 100;
const RECONNECT_DELAY_MAX_MS = 2_000;
/** A page of 50,000 long keys fits; a reply beyond it is refused instead of filling the memory. */
const REPLY_BYTES_MAX = 256 * 1024 * 1024;

/** Writes are sent once: nothing below us may repeat a call. */
const CHANNEL_OPTIONS = {
  "grpc.enable_retries": 0,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.keepalive_time_ms": KEEPALIVE_INTERVAL_MS,
  "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
  "grpc.initial_reconnect_backoff_ms": RECONNECT_DELAY_MIN_MS,
  "grpc.max_reconnect_backoff_ms": RECONNECT_DELAY_MAX_MS,
  "grpc.max_receive_message_length": REPLY_BYTES_MAX,
  "grpc.max_send_message_length": -1,
} as const;

export class Channel {
  readonly endpoint: Endpoint;
  readonly #client: Client;

  constructor(endpoint: Endpoint, tls: TlsMaterial) {
    this.endpoint = endpoint;
    this.#client = new Client(endpoint.target, credentialsOf(endpoint, tls), CHANNEL_OPTIONS);
  }

  /**
   * Connects unless connected. "failed": a call now would fail at once and say why; "silent": the
   * other side takes the connection and says nothing. No request is sent.
   */
  connect(timeoutMs: number): Promise<"ready" | "failed" | "silent"> {
    const deadline = Date.now() + timeoutMs;
    const channel = this.#client.getChannel();
    return new Promise((resolve) => {
      const look = (): void => {
        const state = channel.getConnectivityState(true);
        if (state === connectivityState.READY) resolve("ready");
        else if (state === connectivityState.TRANSIENT_FAILURE) resolve("failed");
        else if (state === connectivityState.SHUTDOWN) resolve("failed");
        else {
          channel.watchConnectivityState(state, deadline, (error) => {
            if (error === undefined || error === null) look();
            else resolve("silent");
          });
        }
      };
      look();
    });
  }

  unary<Request, Response>(
    service: Service,
    method: Method<Request, Response>,
    request: Request,
    metadata: Metadata,
    deadlineMs: number,
    signal?: AbortSignal,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(new ClusterError("unavailable", "the request was cancelled"));
        return;
      }
      const done = (error: ServiceError | null, response?: Response): void => {
        signal?.removeEventListener("abort", cancel);
        if (error !== null) reject(fromStatus(error, this.endpoint.url));
        else resolve(response as Response);
      };
      const call = this.#client.makeUnaryRequest(
        pathOf(service, method),
        (message: Request) => asBuffer(method.requestType.encode(message).finish()),
        (bytes: Buffer) => method.responseType.decode(bytes),
        request,
        metadata,
        { deadline: Date.now() + deadlineMs },
        done,
      );
      const cancel = (): void => call.cancel();
      signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  duplex<Request, Response>(
    service: Service,
    method: Method<Request, Response>,
    metadata: Metadata,
    options: CallOptions = {},
  ): ClientDuplexStream<Request, Response> {
    return this.#client.makeBidiStreamRequest(
      pathOf(service, method),
      (message: Request) => asBuffer(method.requestType.encode(message).finish()),
      (bytes: Buffer) => method.responseType.decode(bytes),
      metadata,
      options,
    );
  }

  close(): void {
    this.#client.close();
  }
}

function pathOf(service: Service, method: { readonly name: string }): string {
  return `/${service.fullName}/${method.name}`;
}

function credentialsOf(endpoint: Endpoint, tls: TlsMaterial): ChannelCredentials {
  if (!endpoint.tls) return credentials.createInsecure();
  try {
    return credentials.createSsl(tls.authority ?? null, tls.key ?? null, tls.certificate ?? null);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ClusterError(
      "tls",
      `the certificate or key given for the cluster is unusable: ${why}`,
    );
  }
}
