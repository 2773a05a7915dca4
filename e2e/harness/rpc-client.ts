import { Client, credentials, Metadata, status } from "@grpc/grpc-js";

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

interface Method<Request, Response> {
  readonly name: string;
  readonly requestType: Codec<Request>;
  readonly responseType: Codec<Response>;
}

interface Service {
  readonly fullName: string;
}

export interface RpcFailure {
  readonly status: number;
  readonly text: string;
}

export type RpcOutcome<Response> =
  | { readonly response: Response }
  | { readonly failure: RpcFailure };

const MESSAGE_BYTES_MAX = 1 << 30;
const DEADLINE_MS = 20_000;

function metadataOf(token: string | undefined): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("token", token);
  return metadata;
}

/** A call under way. */
export interface RpcCall<Response> {
  readonly outcome: Promise<RpcOutcome<Response>>;
  /** Ends it with the status 1. */
  readonly cancel: () => void;
}

/** A bare gRPC client over the generated definitions: what goes in and out is compared as it is. */
export class RpcClient {
  readonly #client: Client;

  /** @param address host:port, without TLS */
  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
      "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
      "grpc.initial_reconnect_backoff_ms": 50,
      "grpc.min_reconnect_backoff_ms": 50,
      "grpc.max_reconnect_backoff_ms": 200,
    });
  }

  /** Rejects when the answer is no message of the method's. */
  async unary<Request, Response>(
    service: Service,
    method: Method<Request, Response>,
    request: Request,
    deadlineMs = DEADLINE_MS,
    token?: string,
  ): Promise<RpcOutcome<Response>> {
    return this.call(service, method, request, deadlineMs, token).outcome;
  }

  /** As `unary`, and it can be given up. */
  call<Request, Response>(
    service: Service,
    method: Method<Request, Response>,
    request: Request,
    deadlineMs = DEADLINE_MS,
    token?: string,
  ): RpcCall<Response> {
    const bytes = Buffer.from(method.requestType.encode(request).finish());
    const path = `/${service.fullName}/${method.name}`;
    const { outcome, cancel } = this.#exchange(path, bytes, Date.now() + deadlineMs, token);
    const decoded = outcome.then((each) =>
      "failure" in each ? each : { response: method.responseType.decode(each.response) },
    );
    return { outcome: decoded, cancel };
  }

  stream<Request, Response>(service: Service, method: Method<Request, Response>, token?: string) {
    return this.#client.makeBidiStreamRequest(
      `/${service.fullName}/${method.name}`,
      (message: Request) => Buffer.from(method.requestType.encode(message).finish()),
      (bytes: Buffer) => method.responseType.decode(bytes),
      metadataOf(token),
    );
  }

  /** A call that is answered by a stream. */
  responses<Request, Response>(
    service: Service,
    method: Method<Request, Response>,
    request: Request,
    token?: string,
  ) {
    return this.#client.makeServerStreamRequest(
      `/${service.fullName}/${method.name}`,
      (message: Request) => Buffer.from(method.requestType.encode(message).finish()),
      (bytes: Buffer) => method.responseType.decode(bytes),
      request,
      metadataOf(token),
    );
  }

  close(): void {
    this.#client.close();
  }

  /** Without the client's own calls, which write down three stacks of every failure. */
  #exchange(
    path: string,
    request: Buffer,
    deadline: number,
    token: string | undefined,
  ): RpcCall<Buffer> {
    const call = this.#client.getChannel().createCall(path, deadline, null, null, undefined);
    const outcome = new Promise<RpcOutcome<Buffer>>((resolve) => {
      let response: Buffer | undefined;
      call.start(metadataOf(token), {
        onReceiveMetadata: () => undefined,
        onReceiveMessage: (message: Buffer) => {
          response = message;
        },
        onReceiveStatus: ({ code, details }) => {
          if (code !== status.OK) resolve({ failure: { status: code, text: details } });
          else if (response !== undefined) resolve({ response });
          else resolve({ failure: { status: -1, text: "no response" } });
        },
      });
      call.startRead();
      call.sendMessageWithContext({}, request);
      call.halfClose();
    });
    return { outcome, cancel: () => call.cancelWithStatus(status.CANCELLED, "given up") };
  }
}
