import { once } from "node:events";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import {
  LeaseDefinition,
  LeaseKeepAliveRequest,
  type LeaseKeepAliveResponse,
} from "../../../server/proto/gen/rpc.ts";
import type { RpcClient } from "../../harness/rpc-client.ts";

type Stream = ClientDuplexStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse>;

/** Streams of keep-alives, one for each token, asked one at a time. */
export class KeepAliveSession {
  readonly #client: RpcClient;
  readonly #streams = new Map<string | undefined, Stream>();

  constructor(client: RpcClient) {
    this.#client = client;
  }

  async keepAlive(ID: bigint, token: string | undefined): Promise<unknown> {
    const stream = this.#streams.get(token) ?? this.#open(token);
    stream.write(LeaseKeepAliveRequest.fromPartial({ ID }));
    try {
      const [response] = (await once(stream, "data")) as [LeaseKeepAliveResponse];
      return { response };
    } catch (error) {
      this.#streams.delete(token);
      const { code, details } = error as { code: number; details: string };
      return { failure: { status: code, text: details } };
    }
  }

  close(): void {
    for (const stream of this.#streams.values()) stream.cancel();
  }

  #open(token: string | undefined): Stream {
    const { leaseKeepAlive } = LeaseDefinition.methods;
    const stream = this.#client.stream(LeaseDefinition, leaseKeepAlive, token);
    this.#streams.set(token, stream);
    // Whoever waits for an answer hears of it; between two answers the next one does.
    stream.on("error", () => {
      if (this.#streams.get(token) === stream) this.#streams.delete(token);
    });
    return stream;
  }
}
