// From a raw connection to one that may be served.
//
//   raw socket ─▶ first message ─▶ its turn ─▶ files as they stand ─▶ handshake ─▶ … accepted
//                                                  │ unreadable          │ fails
//                                                  ▼                     ▼
//                                            internal_error           an alert
//   … handshake ─▶ checks of the certificate ─▶ accepted
//                       │ refused
//                       ▼
//                 an alert or the end
//
// Invariants
// - What is accepted has been verified in full: there is no resumption, and no check is skipped for
//   any listener.
// - A connection has HANDSHAKE_MS for all of it, and of those that are not through yet there are at
//   most `pendingMax`, and of those that are begun a share of it: the oldest makes room, for an
//   honest handshake takes milliseconds.
// - However many begin at once, few take their share of a turn, and hosts have theirs one after the
//   other: who comes with thousands keeps no other host waiting.
import type { Socket } from "node:net";
import { createServer, type SecureContext, type Server, type TLSSocket } from "node:tls";
import type { Cancel, Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { namesOf } from "./certificate-names.ts";
import { checkClient } from "./client-check.ts";
import { awaitHello } from "./client-hello.ts";
import type { Credentials } from "./credentials.ts";
import { failureText } from "./failure-text.ts";
import {
  type Accepted,
  type Pending,
  PendingHandshakes,
  type Share,
} from "./pending-handshakes.ts";
import { RefusalAlerts } from "./refusal-alert.ts";
import { SentSerials } from "./sent-serials.ts";
import { refusalOf } from "./verdict.ts";

export const HANDSHAKE_MS = 10_000;
const SWEEP_MS = 1_000;
/** Each costs about a millisecond. */
const STARTS_AT_ONCE = 4;
/**
 * Of those that are not through, so many may be begun: the library keeps twenty kilobytes of each,
 * of the others next to nothing. Of a thousand that begin in a second, each keeps its place for a
 * quarter of it.
 */
const STARTED_SHARE = 1 / 4;
/**
 * As long as more connections come, so many times what the last starts took is left to accepting
 * them: the system hands over one a turn, in their order, and a long turn keeps all the others out.
 */
const REST_FACTOR = 4;
/** A record of version 1.2 with the fatal alert internal_error. */
const INTERNAL_ERROR: Buffer = Buffer.from([0x15, 0x03, 0x03, 0, 2, 2, 80]);

export interface TlsAcceptorOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly credentials: Credentials;
  /** Whose connections these are, for the log. */
  readonly side: "client" | "peer";
  /** A certificate must name where it comes from, as between members. */
  readonly checksAddress: boolean;
  /** Protocols to agree on, best first. */
  readonly protocols: readonly string[];
  /** Handshakes that are waited for or under way. */
  readonly pendingMax: number;
}

/** Where the runtime's server keeps what its next connections begin with; not declared. */
interface ContextHolder {
  _sharedCreds: SecureContext;
}

export class TlsAcceptor {
  readonly #options: TlsAcceptorOptions;
  readonly #server: Server;
  readonly #pending = new PendingHandshakes();
  readonly #alerts = new RefusalAlerts();
  readonly #sent = new SentSerials();
  readonly #startedMax: number;
  #isTurnPending = false;
  /** Somebody came since handshakes were last begun. */
  #hasNewcomers = false;
  #restUntilMs = 0;
  /** Whose close is being announced right now. */
  #closing: Pending | undefined;
  #stopSweep: Cancel | undefined;

  /** @throws when the files cannot be read */
  constructor(options: TlsAcceptorOptions) {
    const { credentials, protocols } = options;
    this.#options = options;
    this.#startedMax = Math.ceil(options.pendingMax * STARTED_SHARE);
    this.#server = createServer({
      requestCert: credentials.isVerifyingClients,
      // Judged here, so that the client can be told.
      rejectUnauthorized: false,
      ALPNProtocols: [...protocols],
      handshakeTimeout: HANDSHAKE_MS,
    });
    this.#load(credentials.server);
    if (credentials.isVerifyingClients) {
      this.#server.on("keylog", (line, socket) => {
        this.#alerts.note(line, socket);
        this.#sent.watch(socket);
      });
    }
    this.#server.on("secureConnection", (socket) => this.#secured(socket));
    this.#server.on("tlsClientError", (error, socket) => this.#failed(error, socket));
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Of them, those that the library has. */
  get startedCount(): number {
    return this.#pending.startedCount;
  }

  /** `accepted` is called once, or never when the connection is refused. */
  accept(socket: Socket, accepted: Accepted): void {
    const { clock } = this.#options;
    socket.on("error", () => socket.destroy());
    // Half of a connection is none: who closes during the handshake is gone.
    socket.allowHalfOpen = false;
    if (this.#pending.size >= this.#options.pendingMax) this.#makeRoom("all");
    const [key, remote, address] = [keyOf(socket), remoteOf(socket), socket.remoteAddress ?? ""];
    const sinceMs = clock.monotonic();
    const pending: Pending = { socket, key, address, remote, sinceMs, accepted, isStarted: false };
    this.#pending.add(pending);
    this.#hasNewcomers = true;
    this.#stopSweep ??= clock.every(SWEEP_MS, () => this.#sweep());
    socket.once("close", () => {
      this.#pending.delete(pending);
      if (!pending.isStarted) this.#reject(pending, "EOF");
      this.#closing = pending;
    });
    awaitHello(socket, () => {
      this.#pending.setReady(pending);
      this.#startLater();
    });
  }

  /** Ends all that is not accepted yet. */
  close(): void {
    this.#stopSweep?.();
    this.#stopSweep = undefined;
    for (const { socket } of this.#pending.values()) socket.destroy();
  }

  #startLater(): void {
    if (this.#isTurnPending) return;
    this.#isTurnPending = true;
    this.#options.clock.soon(() => {
      this.#isTurnPending = false;
      const isResting = this.#hasNewcomers && this.#options.clock.monotonic() < this.#restUntilMs;
      if (isResting) this.#startLater();
      else void this.#startSome();
    });
  }

  async #startSome(): Promise<void> {
    const { clock } = this.#options;
    const startedMs = clock.monotonic();
    for (let count = 0; count < STARTS_AT_ONCE; count++) {
      const pending = this.#pending.takeReady();
      if (pending !== undefined) this.#start(pending);
      else if (count === 0) return;
    }
    // The library does its work behind this turn's callbacks.
    await Promise.resolve();
    const nowMs = clock.monotonic();
    this.#hasNewcomers = false;
    this.#restUntilMs = nowMs + REST_FACTOR * (nowMs - startedMs);
    this.#startLater();
  }

  #start(pending: Pending): void {
    if (this.#pending.startedCount >= this.#startedMax) this.#makeRoom("started");
    this.#pending.setStarted(pending);
    try {
      this.#load(this.#options.credentials.server);
    } catch (error) {
      this.#refuseUnloaded(pending, error);
      return;
    }
    this.#server.emit("connection", pending.socket);
  }

  /**
   * `setSecureContext` would make a context of its own from a fixed list of options, without
   * `allowPartialTrustChain`: so the context itself is put where it would stand.
   */
  #load(context: SecureContext): void {
    const holder: Partial<ContextHolder> = this.#server;
    holder._sharedCreds = context;
  }

  /** The client hears that the fault is here, and the next one finds the files as they are then. */
  #refuseUnloaded(pending: Pending, error: unknown): void {
    const { log, credentials } = this.#options;
    const { certFile, keyFile } = credentials.profile;
    const isMissing = error instanceof Error && error.message.endsWith("no such file or directory");
    const message = isMissing
      ? "failed to find peer cert files"
      : "failed to create peer certificate";
    log.warn(message, { "cert-file": certFile, "key-file": keyFile, error });
    this.#reject(pending, error);
    pending.socket.end(INTERNAL_ERROR);
    pending.socket.resume();
  }

  #secured(socket: TLSSocket): void {
    const pending = this.#pending.find(keyOf(socket));
    socket.on("error", () => socket.destroy());
    if (pending === undefined) {
      socket.destroy();
      return;
    }
    const { credentials } = this.#options;
    const refusal = credentials.isVerifyingClients
      ? refusalOf(socket, credentials.profile)
      : undefined;
    if (refusal === undefined) {
      this.#alerts.forget(socket);
      void this.#check(socket, pending);
      return;
    }
    this.#reject(pending, refusal.text, socket);
    this.#alerts.send(refusal.alert, socket, pending.socket);
    endAndLetRead(socket);
  }

  async #check(socket: TLSSocket, pending: Pending): Promise<void> {
    const { credentials, checksAddress } = this.#options;
    try {
      await checkClient(socket, credentials, this.#sent.of(socket), checksAddress);
    } catch (error) {
      this.#reject(pending, error, socket);
      endAndLetRead(socket);
      return;
    }
    if (socket.destroyed) return;
    this.#pending.delete(pending);
    pending.accepted(socket, credentials.profile.clientCertAuth ? nameOf(socket) : undefined);
  }

  /** A lost connection is told of while its socket closes, when it has no address left. */
  #failed(error: Error, socket: TLSSocket): void {
    const pending = this.#pending.find(keyOf(socket)) ?? this.#closing;
    if (pending !== undefined) this.#reject(pending, failureText(error));
  }

  #reject(pending: Pending, error: unknown, socket?: TLSSocket): void {
    const { log, side } = this.#options;
    const certificate = socket?.getPeerCertificate();
    const names = certificate?.raw === undefined ? undefined : namesOf(certificate);
    log.warn(`rejected connection on ${side} endpoint`, {
      "remote-addr": pending.remote,
      "server-name": serverNameOf(socket),
      ...(names && { "ip-addresses": names.ipAddresses, "dns-names": names.dnsNames }),
      error,
    });
  }

  #makeRoom(share: Share): void {
    const pending = this.#pending.leastWelcome(share);
    if (pending === undefined) return;
    this.#pending.delete(pending);
    pending.socket.destroy();
  }

  #sweep(): void {
    const nowMs = this.#options.clock.monotonic();
    for (const { socket, sinceMs } of this.#pending.values()) {
      if (nowMs - sinceMs > HANDSHAKE_MS) socket.destroy();
    }
    if (this.#pending.size > 0) return;
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }
}

/**
 * Who is refused closes by himself when he has read how it ended; the sweep ends who does not. An
 * alert alone does not make every client close: Node's waits for whatever comes behind it.
 */
function endAndLetRead(socket: TLSSocket): void {
  socket.end();
  socket.resume();
}

/** Unlike any other connection's that lives: the same client may come to several ports. */
function keyOf(socket: Socket): string {
  return `${remoteOf(socket)} ${socket.localAddress}:${socket.localPort}`;
}

function remoteOf({ remoteAddress = "", remotePort = 0 }: Socket): string {
  return `${remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`;
}

function nameOf(socket: TLSSocket): string | undefined {
  const certificate = socket.getPeerCertificate();
  return certificate?.raw === undefined ? undefined : namesOf(certificate).commonName;
}

/** What the client asked for, SNI; documented with the server's events and not declared. */
function serverNameOf(socket: (TLSSocket & { servername?: string | false }) | undefined): string {
  return socket?.servername || "";
}
