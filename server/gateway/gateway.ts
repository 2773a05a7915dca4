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
/** A request's head must be there in this time, and a kept connection be used again. */
const REQUEST_MS = 30_000;
const SWEEP_MS = 1000;
/** All times are kept by the sweep. */
const SERVER_OPTIONS = {
  maxHeaderSize: HEADER_BYTES_MAX,
  keepAliveTimeout: 0,
  shouldUpgradeCallback: wantsWebSocket,
};

export interface GatewayOptions {
  readonly clock: Clock;
  readonly serve: (exchange: Exchange) => void;
}

/** HTTP/1 connections, on ports of their own or accepted beside gRPC's. */
export class Gateway {
  readonly #clock: Clock;
  readonly #server: Server;
  /** When each connection began to wait for a request; undefined while one is being answered. */
  readonly #waiting = new Map<Socket, number | undefined>();
  /** Of the connections' client certificates. */
  readonly #names = new WeakMap<Socket, string>();
  readonly #listeners: Listener[] = [];
  #stopSweep: Cancel | undefined;

  constructor({ clock, serve }: GatewayOptions) {
    this.#clock = clock;
    this.#server = createServer(SERVER_OPTIONS, (request, response) => {
      const { socket } = request;
      this.#waiting.set(socket, undefined);
      response.on("close", () => {
        if (this.#waiting.has(socket)) this.#waiting.set(socket, clock.monotonic());
      });
      serve(new Http1Exchange(request, response, this.#names.get(socket)));
    });
    this.#server.on("upgrade", (request, _socket, head) => {
      const { socket } = request;
      this.#waiting.set(socket, undefined);
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
    if (this.#waiting.size >= CONNECTIONS_MAX) {
      socket.destroy();
      return;
    }
    this.#stopSweep ??= this.#clock.every(SWEEP_MS, () => this.#sweep());
    this.#waiting.set(socket, this.#clock.monotonic());
    if (certificateName !== undefined) this.#names.set(socket, certificateName);
    socket.on("close", () => this.#waiting.delete(socket));
    this.#server.emit("connection", socket);
    socket.resume();
  };

  close(): void {
    for (const listener of this.#listeners) listener.close();
    this.#stopSweep?.();
    for (const socket of this.#waiting.keys()) socket.destroy();
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonic();
    for (const [socket, sinceMs] of this.#waiting) {
      if (sinceMs !== undefined && nowMs - sinceMs > REQUEST_MS) socket.destroy();
    }
    if (this.#waiting.size > 0) return;
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }
}
