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
// - A connection has HANDSHAKE_MS for the handshake and as long again for the checks, and of those that are not through yet there are at
//   most `pendingMax`, and of those that are begun a share of it: the oldest makes room, for an
//   honest handshake takes milliseconds.
// - However many begin at once, few take their share of a turn, and hosts have theirs one after the
//   other: who comes with thousands keeps no other host waiting.
import type { Socket } from "node:net";
import { createServer, type SecureContext, type Server, type TLSSocket } from "node:tls";
import type { Cancel, Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { namesOf } from "./certificate-names.ts";
import { checkClient, type NameLookups, SYSTEM_LOOKUPS } from "./client-check.ts";
import { awaitHello } from "./client-hello.ts";
import type { Credentials } from "./credentials.ts";
import { EOF, failureText } from "./failure-text.ts";
import {
  type Accepted,
  type Pending,
  PendingHandshakes,
  type Share,
} from "./pending-handshakes.ts";
import { RefusalAlerts } from "./refusal-alert.ts";
import { isMissingFile } from "./reloaded-files.ts";
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
  /** Absent: as the system is set up. */
  readonly lookups?: NameLookups;
  /** Protocols to agree on, best first. */
  readonly protocols: readonly string[];
  /** Handshakes that are waited for or under way. */
  readonly pendingMax: number;
}

export class TlsAcceptor {
  readonly #options: TlsAcceptorOptions;
  readonly #server: Server;
  readonly #pending = new PendingHandshakes();
  readonly #alerts = new RefusalAlerts();
  readonly #sent = new SentSerials();
  /** A lost connection's socket has no address by which it could be found. */
  readonly #owners = new WeakMap<TLSSocket, Pending>();
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
    this.#server.on("keylog", (line, socket) => this.#underWay(line, socket));
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
    const pending: Pending = {
      socket,
      key: keyOf(socket),
      address: socket.remoteAddress ?? "",
      remote: remoteOf(socket),
      sinceMs: clock.monotonic(),
      accepted,
      isStarted: false,
      isRejected: false,
    };
    this.#pending.add(pending);
    this.#hasNewcomers = true;
    this.#stopSweep ??= clock.every(SWEEP_MS, () => this.#sweep());
    socket.once("close", () => {
      this.#pending.delete(pending);
      if (pending.isStarted) this.#announce(pending);
      else this.#reject(pending, EOF);
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
   * `allowPartialTrustChain`: so the context itself is put where it would stand, which is not
   * documented.
   */
  #load(context: SecureContext): void {
    Object.assign(this.#server, { _sharedCreds: context });
  }

  /** The client hears that the fault is here, and the next one finds the files as they are then. */
  #refuseUnloaded(pending: Pending, error: unknown): void {
    const { log, credentials } = this.#options;
    const { certFile, keyFile } = credentials.profile;
    const message = isMissingFile(error)
      ? "failed to find peer cert files"
      : "failed to create peer certificate";
    log.warn(message, { "cert-file": certFile, "key-file": keyFile, error });
    this.#reject(pending, error);
    pending.socket.end(INTERNAL_ERROR);
    pending.socket.resume();
  }

  /** The earliest that is heard of a handshake's socket, while it has an address. */
  #underWay(line: Buffer, socket: TLSSocket): void {
    if (!this.#owners.has(socket)) {
      const pending = this.#pending.find(keyOf(socket));
      if (pending !== undefined) this.#owners.set(socket, pending);
    }
    if (!this.#options.credentials.isVerifyingClients) return;
    this.#alerts.note(line, socket);
    this.#sent.watch(socket);
  }

  #secured(socket: TLSSocket): void {
    const pending = this.#pending.find(keyOf(socket));
    socket.on("error", () => socket.destroy());
    if (pending === undefined) {
      socket.destroy();
      return;
    }
    const { clock, credentials } = this.#options;
    pending.sinceMs = clock.monotonic();
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
    const { credentials, checksAddress, lookups = SYSTEM_LOOKUPS } = this.#options;
    try {
      const sent = this.#sent.of(socket);
      await checkClient(socket, credentials, sent, checksAddress ? lookups : undefined);
    } catch (error) {
      this.#reject(pending, error, socket);
      endAndLetRead(socket);
      return;
    }
    if (socket.destroyed || pending.isRejected) return;
    this.#pending.delete(pending);
    pending.accepted(socket, credentials.profile.clientCertAuth ? nameOf(socket) : undefined);
  }

  /** The library tells of it in this turn, by a socket that may have no address left. */
  #announce(pending: Pending): void {
    this.#closing = pending;
    this.#options.clock.soon(() => {
      if (this.#closing === pending) this.#closing = undefined;
    });
  }

  #failed(error: Error, socket: TLSSocket): void {
    const known = this.#owners.get(socket) ?? this.#pending.find(keyOf(socket));
    const pending = known ?? this.#closing;
    if (pending !== undefined) this.#reject(pending, failureText(error));
  }

  #reject(pending: Pending, error: unknown, socket?: TLSSocket): void {
    // Who is cut off, or goes before he is told, has been written of.
    if (pending.isRejected) return;
    pending.isRejected = true;
    const { log, side } = this.#options;
    const certificate = socket?.getPeerCertificate();
    const names = certificate?.raw === undefined ? undefined : namesOf(certificate);
    const fields = {
      "remote-addr": pending.remote,
      "server-name": serverNameOf(socket),
      ...(names && { "ip-addresses": names.ipAddresses, "dns-names": names.dnsNames }),
      error,
    };
    const message = `rejected connection on ${side} endpoint`;
    // Whoever only looks whether the port is open comes every few seconds.
    if (error === EOF) log.debug(message, fields);
    else log.warn(message, fields);
  }

  #makeRoom(share: Share): void {
    const pending = this.#pending.leastWelcome(share);
    if (pending === undefined) return;
    this.#pending.delete(pending);
    this.#reject(pending, "too many connections wait for their handshakes");
    pending.socket.destroy();
  }

  #sweep(): void {
    const nowMs = this.#options.clock.monotonic();
    for (const pending of this.#pending.values()) {
      if (nowMs - pending.sinceMs <= HANDSHAKE_MS) continue;
      this.#reject(pending, "i/o timeout");
      pending.socket.destroy();
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
