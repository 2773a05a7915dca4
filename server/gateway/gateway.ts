import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  type AddressInfo,
  createServer as createListener,
  type Server as Listener,
  type ListenOptions,
  type Socket,
} from "node:net";
import { AssertionError } from "../base/assert.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import { ACCEPT_BACKLOG, GuestList } from "../base/guest-list.ts";
import {
  BAD_REQUEST,
  chunkProblem,
  endConnection,
  headRefusal,
  type InputError,
  inputRefusal,
} from "../base/http-refusal.ts";
import { SlicedInput } from "../base/sliced-input.ts";
import type { Handshakes } from "../http2/grpc-server.ts";
import { type Exchange, Http1Exchange } from "./exchange.ts";
import { type Asked, HttpGuest } from "./http-guest.ts";
import { MessageMemory } from "./message-memory.ts";
import { WebSocketExchange, wantsWebSocket } from "./web-socket-exchange.ts";

const HEADER_BYTES_MAX = 16 * 1024;
const SWEEP_MS = 1000;
/** Of messages of WebSockets that are not whole. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;
const NOTHING: Buffer = Buffer.alloc(0);
/**
 * All times are kept by the sweep (http-guest.ts), and nothing is answered by Node itself: such an
 * answer has no turn among those that the guest knows of.
 */
const SERVER_OPTIONS = {
  maxHeaderSize: HEADER_BYTES_MAX,
  keepAliveTimeout: 0,
  headersTimeout: 0,
  requestTimeout: 0,
  requireHostHeader: false,
  shouldUpgradeCallback: wantsWebSocket,
};

export interface GatewayOptions {
  readonly clock: Clock;
  readonly serve: (exchange: Exchange) => void;
  readonly connectionsMax: number;
  /** Of messages of WebSockets that are not whole, all together; default 64 MiB. */
  readonly heldBytesMax?: number;
}

/** HTTP/1 connections, on ports of their own or accepted beside gRPC's. */
export class Gateway {
  readonly #clock: Clock;
  readonly #serve: GatewayOptions["serve"];
  readonly #server: Server;
  readonly #connections = new Map<Socket, HttpGuest>();
  readonly #guests: GuestList;
  /** Of the connections' client certificates. */
  readonly #names = new WeakMap<Socket, string>();
  readonly #inputs = new WeakMap<Socket, SlicedInput>();
  readonly #memory: MessageMemory;
  readonly #listeners: Listener[] = [];
  #stopSweep: Cancel | undefined;

  constructor(options: GatewayOptions) {
    const { clock, serve, connectionsMax, heldBytesMax = HELD_BYTES_MAX } = options;
    this.#clock = clock;
    this.#memory = new MessageMemory(heldBytesMax, clock);
    this.#guests = new GuestList(connectionsMax, clock);
    this.#serve = serve;
    const ask = (request: IncomingMessage, response: ServerResponse): void => {
      const guest = this.#connections.get(request.socket);
      if (guest === undefined) return;
      const exchange = new Http1Exchange(request, response, this.#names.get(request.socket));
      const asked = { request, response, exchange };
      if (guest.asks(asked, clock.monotonic())) this.#answer(guest, asked);
    };
    this.#server = createServer(SERVER_OPTIONS, ask);
    // However many they are, all of them fit into a head; what is left out could not be looked at.
    this.#server.maxHeadersCount = 0;
    this.#server.on("checkExpectation", ask);
    this.#server.on("upgrade", (request, _socket, head) => this.#upgrade(request, head));
    this.#server.on("connect", ({ socket }) => {
      this.#inputs.get(socket)?.discard();
      this.#connections.get(socket)?.upgrades(() => this.#refuse(socket, BAD_REQUEST));
    });
    this.#server.on("clientError", (error, socket) => this.#misread(error, socket as Socket));
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
      listener.listen({ ...where, backlog: ACCEPT_BACKLOG }, resolve);
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
    const guest = new HttpGuest(socket, this.#clock.monotonic());
    if (!this.#guests.admit(guest)) {
      socket.destroy();
      return;
    }
    this.#stopSweep ??= this.#clock.every(SWEEP_MS, () => this.#sweep());
    this.#connections.set(socket, guest);
    if (certificateName !== undefined) this.#names.set(socket, certificateName);
    socket.on("close", () => {
      this.#connections.delete(socket);
      this.#guests.delete(guest);
      guest.left();
    });
    this.#server.emit("connection", socket);
    this.#inputs.set(socket, new SlicedInput(socket));
    socket.resume();
  };

  close(): void {
    for (const listener of this.#listeners) listener.close();
    this.#stopSweep?.();
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  /** One after the other, as they came. */
  #answer(guest: HttpGuest, { request, response, exchange }: Asked): void {
    response.on("close", () => {
      const next = guest.answered(this.#clock.monotonic());
      if (next !== undefined) this.#answer(guest, next);
    });
    this.#begin(request, exchange);
  }

  #upgrade(request: IncomingMessage, head: Buffer): void {
    const { socket } = request;
    this.#inputs.get(socket)?.end();
    const guest = this.#connections.get(socket);
    guest?.upgrades(() => {
      // The last answer may have been the end of the connection.
      if (!socket.writable) return;
      try {
        const name = this.#names.get(socket);
        const exchange = new WebSocketExchange(request, head, name, this.#memory);
        guest.changesProtocol(exchange, this.#clock.monotonic());
        this.#begin(request, exchange);
      } catch (thrown) {
        // Nobody above would take it: what goes wrong here ends this connection alone.
        if (thrown instanceof AssertionError) throw thrown;
        socket.destroy();
      }
    });
  }

  #begin(request: IncomingMessage, exchange: Exchange): void {
    const refusal = headRefusal(request);
    if (refusal === undefined) this.#serve(exchange);
    else this.#refuse(request.socket, refusal);
  }

  /** Nothing that its client has said or says besides is answered. */
  #refuse(socket: Socket, refusal: Buffer): void {
    this.#connections.get(socket)?.left();
    this.#inputs.get(socket)?.discard();
    endConnection(socket, refusal, this.#clock);
  }

  /** What has come is no request: whoever speaks another protocol is not left to wait for an answer. */
  #misread(error: InputError, socket: Socket): void {
    const guest = this.#connections.get(socket);
    const input = this.#inputs.get(socket);
    const refusal = inputRefusal(error);
    if (guest === undefined || input === undefined || refusal === undefined) {
      socket.destroy();
      return;
    }
    const { farewell, isIgnored } = refusal;
    const { sending } = guest;
    input.discard();
    if (sending !== undefined) {
      guest.endsBy(() => this.#refuse(socket, NOTHING));
      sending.exchange.breakBody(chunkProblem(error));
    } else if (!isIgnored) guest.endsBy(() => this.#refuse(socket, farewell));
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonic();
    for (const guest of this.#connections.values()) guest.sweep(nowMs);
    if (this.#connections.size > 0) return;
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }
}
