import { createServer, type Server } from "node:http";
import {
  type AddressInfo,
  createServer as createListener,
  type Server as Listener,
  type ListenOptions,
  type Socket,
} from "node:net";
import type { Cancel, Clock } from "../base/clock.ts";
import type { Handshakes } from "../http2/grpc-server.ts";
import { type Exchange, Http1Exchange } from "./exchange.ts";
import { WebSocketExchange, wantsWebSocket } from "./web-socket-exchange.ts";

const CONNECTIONS_MAX = 1000;
const HEADER_BYTES_MAX = 16 * 1024;
/**
 * A request's head must be there in this time, its body must not pause for longer before the answer
 * begins, and a kept connection must be used again.
 */
const REQUEST_MS = 30_000;
const SWEEP_MS = 1000;
/** All times are kept by the sweep. */
const SERVER_OPTIONS = {
  maxHeaderSize: HEADER_BYTES_MAX,
  keepAliveTimeout: 0,
  headersTimeout: 0,
  requestTimeout: 0,
  shouldUpgradeCallback: wantsWebSocket,
};

export interface GatewayOptions {
  readonly clock: Clock;
  readonly serve: (exchange: Exchange) => void;
}

/** For what a connection is waited for, and since when. */
interface Wait {
  /** It is our turn: the client has nothing to send for now. */
  readonly isOurs: () => boolean;
  /** The rest of a request, not its beginning. */
  readonly isBody: boolean;
  sinceMs: number;
  bytesRead: number;
}

/** HTTP/1 connections, on ports of their own or accepted beside gRPC's. */
export class Gateway {
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #connections = new Map<Socket, Wait>();
  /** Of the connections' client certificates. */
  readonly #names = new WeakMap<Socket, string>();
  readonly #listeners: Listener[] = [];
  #stopSweep: Cancel | undefined;

  constructor({ clock, serve }: GatewayOptions) {
    this.#clock = clock;
    this.#server = createServer(SERVER_OPTIONS, (request, response) => {
      const { socket } = request;
      const isOurs = () => request.complete || response.headersSent;
      this.#connections.set(socket, this.#waitOf(socket, isOurs));
      response.on("close", () => {
        if (this.#connections.has(socket)) this.#connections.set(socket, this.#waitOf(socket));
      });
      serve(new Http1Exchange(request, response, this.#names.get(socket)));
    });
    this.#server.on("upgrade", (request, _socket, head) => {
      const { socket } = request;
      this.#connections.set(
        socket,
        this.#waitOf(socket, () => true),
      );
      serve(new WebSocketExchange(request, head, this.#names.get(socket)));
    });
  }

  /**
   * Opens a port of its own; port 0 takes a free one. Rejects when the address cannot be had.
   * @param handshakes for a port that serves behind TLS
   */
  async listen(where: ListenOptions, handshakes?: Handshakes): Promise<AddressInfo> {
    const listener = createListener({ noDelay: true }, (socket) => {
      if (handshakes !== undefined) handshakes.accept(socket, this.accept);
      else this.accept(socket, undefined);
    });
    await new Promise<void>((resolve, reject) => {
      listener.once("error", reject);
      listener.listen(where, resolve);
    });
    this.#listeners.push(listener);
    return listener.address() as AddressInfo;
  }

  /**
   * Takes over a connection whose first bytes are still unread.
   * @param certificateName CN of the client's certificate, where one was demanded
   */
  readonly accept = (socket: Socket, certificateName: string | undefined): void => {
    socket.on("error", () => socket.destroy());
    if (this.#connections.size >= CONNECTIONS_MAX) {
      socket.destroy();
      return;
    }
    this.#stopSweep ??= this.#clock.every(SWEEP_MS, () => this.#sweep());
    this.#connections.set(socket, this.#waitOf(socket));
    if (certificateName !== undefined) this.#names.set(socket, certificateName);
    socket.on("close", () => this.#connections.delete(socket));
    this.#server.emit("connection", socket);
    socket.resume();
  };

  close(): void {
    for (const listener of this.#listeners) listener.close();
    this.#stopSweep?.();
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  /** @param isOurs of a connection whose request has begun */
  #waitOf(socket: Socket, isOurs?: () => boolean): Wait {
    return {
      isOurs: isOurs ?? (() => false),
      isBody: isOurs !== undefined,
      sinceMs: this.#clock.monotonic(),
      bytesRead: socket.bytesRead,
    };
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonic();
    for (const [socket, wait] of this.#connections) {
      if (wait.isOurs()) continue;
      // A head may take only so long in all; of a body, each part.
      if (wait.isBody && socket.bytesRead !== wait.bytesRead) {
        wait.bytesRead = socket.bytesRead;
        wait.sinceMs = nowMs;
      } else if (nowMs - wait.sinceMs > REQUEST_MS) socket.destroy();
    }
    if (this.#connections.size > 0) return;
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }
}
