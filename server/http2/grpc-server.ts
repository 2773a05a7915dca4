import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { must } from "../base/assert.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import { ACCEPT_BACKLOG, GuestList } from "../base/guest-list.ts";
import type { Log } from "../base/log.ts";
import { Connection } from "./connection.ts";
import type { Admission, ConnectionHost, Turning } from "./connection-host.ts";
import { Deadlines } from "./deadlines.ts";
import type { GrpcDispatch } from "./grpc-call.ts";
import { HeldBytesPool } from "./held-bytes.ts";
import type { HttpDispatch } from "./http-call.ts";
import { DEFAULT_LIMITS, type Http2Limits } from "./limits.ts";
import { costliest } from "./memory-shares.ts";
import { BufferPool } from "./outbox.ts";
import { PrefaceSniffer } from "./preface-sniffer.ts";
import { ErrorCode } from "./protocol.ts";
import { WaitingRoom } from "./waiting-room.ts";

export interface GrpcServerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly dispatch: GrpcDispatch;
  /** Takes over a connection that does not begin like HTTP/2; its first bytes are still unread. */
  readonly acceptHttp1: (socket: Socket, certificateName: string | undefined) => void;
  /** Answers requests of HTTP/2 that are no calls, on encrypted connections. */
  readonly dispatchHttp?: HttpDispatch | undefined;
  readonly limits?: Partial<Http2Limits>;
  /** Until it resolves, whoever connects waits; default: nobody does. */
  readonly opening?: Promise<void> | undefined;
}

/** What stands between an encrypted connection and its first byte. */
export interface Handshakes {
  /**
   * Calls back when the connection may be served, or ends it.
   * @param accepted is told the CN of the client's certificate, where one was demanded
   */
  accept(
    socket: Socket,
    accepted: (socket: Socket, certificateName: string | undefined) => void,
  ): void;
}

/** Who may come to an address: with TLS, without, or both, told apart by the first byte. */
export interface Access {
  readonly isPlain: boolean;
  /** Other processes may listen there, too. */
  readonly reusePort?: boolean;
  readonly handshakes?: Handshakes | undefined;
}

const PLAIN: Access = { isPlain: true };
const PLAINLY: Admission = { isEncrypted: false, certificateName: undefined };
const SWEEP_MS = 1000;

/** gRPC on any number of listening addresses, with HTTP/1 beside it on the same ports. */
export class GrpcServer implements ConnectionHost {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Http2Limits;
  readonly dispatch: GrpcDispatch;
  readonly deadlines: Deadlines;
  readonly buffers = new BufferPool();
  readonly held: HeldBytesPool;
  readonly dispatchHttp: HttpDispatch | undefined;
  readonly #acceptHttp1: GrpcServerOptions["acceptHttp1"];
  readonly #listeners: Server[] = [];
  readonly #connections = new Set<Connection>();
  readonly #sniffers = new Set<PrefaceSniffer>();
  /** All of both, and who waits. */
  readonly #guests: GuestList;
  #waitingRoom: WaitingRoom | undefined;
  #turning: Turning[] = [];
  #stopSweep: Cancel | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: GrpcServerOptions) {
    this.clock = options.clock;
    this.log = options.log;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.dispatch = options.dispatch;
    this.dispatchHttp = options.dispatchHttp;
    this.deadlines = new Deadlines(options.clock);
    this.held = new HeldBytesPool(this.limits.heldBytesMax);
    this.#guests = new GuestList(this.limits.connectionsMax, options.clock);
    this.#acceptHttp1 = options.acceptHttp1;
    if (options.opening !== undefined) {
      this.#waitingRoom = new WaitingRoom(this.#guests, options.clock);
      void options.opening.then(() => this.#openDoors());
    }
  }

  get connectionCount(): number {
    return this.#guests.size;
  }

  /** Buffered for all peers: unfinished messages and answers not yet read. */
  get heldBytes(): number {
    return this.held.held;
  }

  /** Calls of all peers that are not begun until answers before them have been read. */
  get parkedCount(): number {
    let count = 0;
    for (const connection of this.#connections) count += connection.parkedCount;
    return count;
  }

  /**
   * Opens one more address; port 0 takes a free one. Rejects when the address cannot be had.
   * @param access without one, only what is not encrypted is served
   */
  async listen(host: string, port: number, access: Access = PLAIN): Promise<AddressInfo> {
    const listener = createServer({ noDelay: true }, (socket) => this.accept(socket, access));
    await new Promise<void>((resolve, reject) => {
      listener.once("error", reject);
      const { reusePort = false } = access;
      listener.listen({ host, port, reusePort, backlog: ACCEPT_BACKLOG }, resolve);
    });
    listener.removeAllListeners("error");
    listener.on("error", (error) => this.log.error("a listener failed", { error }));
    this.#listeners.push(listener);
    this.#stopSweep ??= this.clock.every(SWEEP_MS, () => this.clock.soon(() => this.#sweep()));
    return listener.address() as AddressInfo;
  }

  accept(socket: Socket, access: Access = PLAIN): void {
    if (this.#waitingRoom === undefined) this.#serve(socket, access);
    else this.#waitingRoom.take(socket, () => this.#serve(socket, access));
  }

  /** Stops listening and lets open calls end for `graceMs`; what is open then is cut. */
  async stop(graceMs: number): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    this.#waitingRoom?.destroy();
    for (const sniffer of this.#sniffers) sniffer.destroy();
    for (const connection of this.#connections) connection.drain();
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.clock.after(graceMs, resolve);
        this.#onEmpty = () => {
          cancel();
          resolve();
        };
      });
    }
    for (const connection of this.#connections) connection.destroy();
    this.#stopSweep?.();
    this.deadlines.close();
  }

  endTurnLater(connection: Turning): void {
    if (this.#turning.length === 0) this.clock.soon(() => this.#endTurn());
    this.#turning.push(connection);
  }

  closed(connection: Connection): void {
    this.#connections.delete(connection);
    this.#guests.delete(connection);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  #openDoors(): void {
    const room = this.#waitingRoom;
    this.#waitingRoom = undefined;
    room?.open();
  }

  #serve(socket: Socket, { isPlain, handshakes }: Access): void {
    if (isPlain || handshakes === undefined) this.#sniff(socket, PLAINLY, handshakes);
    else this.#shakeHands(socket, handshakes);
  }

  #shakeHands(socket: Socket, handshakes: Handshakes): void {
    handshakes.accept(socket, (secure, certificateName) =>
      this.#sniff(secure, { isEncrypted: true, certificateName }),
    );
  }

  /** @param handshakes for those who turn out to want TLS on an address that serves both */
  #sniff(socket: Socket, admission: Admission, handshakes?: Handshakes): void {
    socket.on("error", () => socket.destroy());
    const sniffer = new PrefaceSniffer(socket, this.clock.monotonic(), {
      http2: (rest) => this.#open(socket, admission, rest),
      http1: () => this.#acceptHttp1(socket, admission.certificateName),
      tls: () => {
        if (handshakes === undefined) socket.destroy();
        else this.#shakeHands(socket, handshakes);
      },
      foreign: () => socket.destroy(),
      done: () => {
        this.#sniffers.delete(sniffer);
        this.#guests.delete(sniffer);
      },
    });
    if (this.#guests.admit(sniffer)) this.#sniffers.add(sniffer);
    else sniffer.destroy();
  }

  #open(socket: Socket, admission: Admission, rest: Buffer): void {
    const connection = new Connection(this, socket, admission);
    this.#connections.add(connection);
    this.#guests.admit(connection);
    if (rest.length > 0) connection.read(rest);
  }

  #endTurn(): void {
    const turning = this.#turning;
    this.#turning = [];
    for (const connection of turning) connection.endTurn();
    if (this.held.isOver) this.#shed();
  }

  /** All together hold too much: of the host that holds most, one connection has to go. */
  #shed(): void {
    const victim = must(costliest(this.#connections), "bytes are held only for connections");
    this.log.warn("closing a connection of the host that holds most memory", {
      "remote-addr": victim.remote,
      bytes: victim.heldBytes,
    });
    victim.close(ErrorCode.ENHANCE_YOUR_CALM, "too many bytes are held for all connections");
  }

  #sweep(): void {
    const nowMs = this.clock.monotonic();
    for (const connection of this.#connections) connection.sweep(nowMs);
    for (const sniffer of this.#sniffers) {
      if (nowMs - sniffer.arrivedMs > this.limits.prefaceMs) sniffer.destroy();
    }
  }
}
