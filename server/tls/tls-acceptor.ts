// From a raw connection to one that may be served.
//
//   raw socket ─▶ files as they stand ─▶ handshake ─▶ checks of the certificate ─▶ accepted
//                     │ unreadable          │ fails        │ refused
//                     ▼                     ▼              ▼
//               internal_error         an alert      an alert or the end
//
// Invariants
// - What is accepted has been verified in full: there is no resumption, and no check is skipped for
//   any listener.
// - A connection has HANDSHAKE_MS for all of it, and of those that are not through yet there are at
//   most `pendingMax`: the oldest makes room, for an honest handshake takes milliseconds.
import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { Cancel, Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { namesOf } from "./certificate-names.ts";
import { checkClient } from "./client-check.ts";
import type { Credentials, LoadedPair } from "./credentials.ts";
import { failureText } from "./failure-text.ts";
import { RefusalAlerts } from "./refusal-alert.ts";
import { refusalOf } from "./verdict.ts";

export const HANDSHAKE_MS = 10_000;
const SWEEP_MS = 1_000;
/** A record of version 1.2 with the fatal alert internal_error. */
const INTERNAL_ERROR: Buffer = Buffer.from([0x15, 0x03, 0x03, 0, 2, 2, 80]);

/** @param certificateName CN of the client's certificate where one was demanded and verified */
export type Accepted = (socket: TLSSocket, certificateName: string | undefined) => void;

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
  /** Handshakes under way. */
  readonly pendingMax: number;
}

interface Pending {
  readonly socket: Socket;
  readonly key: string;
  readonly remote: string;
  readonly sinceMs: number;
  readonly accepted: Accepted;
}

export class TlsAcceptor {
  readonly #options: TlsAcceptorOptions;
  readonly #server: Server;
  /** By addresses of both ends, oldest first. */
  readonly #pending = new Map<string, Pending>();
  readonly #alerts = new RefusalAlerts();
  #pair: LoadedPair;
  /** Whose close is being announced right now. */
  #closing: Pending | undefined;
  #stopSweep: Cancel | undefined;

  /** @throws when the files cannot be read */
  constructor(options: TlsAcceptorOptions) {
    const { credentials, protocols } = options;
    this.#options = options;
    this.#pair = credentials.server;
    this.#server = createServer({
      ...this.#pair.options,
      requestCert: credentials.isVerifyingClients,
      // Judged here, so that the client can be told.
      rejectUnauthorized: false,
      ALPNProtocols: [...protocols],
      handshakeTimeout: HANDSHAKE_MS,
    });
    if (credentials.isVerifyingClients) {
      this.#server.on("keylog", (line, socket) => this.#alerts.note(line, socket));
    }
    this.#server.on("secureConnection", (socket) => this.#secured(socket));
    this.#server.on("tlsClientError", (error, socket) => this.#failed(error, socket));
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  /** `accepted` is called once, or never when the connection is refused. */
  accept(socket: Socket, accepted: Accepted): void {
    const { clock, credentials } = this.#options;
    socket.on("error", () => socket.destroy());
    // Half of a connection is none: who closes during the handshake is gone.
    socket.allowHalfOpen = false;
    if (this.#pending.size >= this.#options.pendingMax) this.#dropOldest();
    const [key, remote] = [keyOf(socket), remoteOf(socket)];
    const pending = { socket, key, remote, sinceMs: clock.monotonic(), accepted };
    this.#pending.set(key, pending);
    this.#stopSweep ??= clock.every(SWEEP_MS, () => this.#sweep());
    socket.once("close", () => {
      this.#pending.delete(key);
      this.#closing = pending;
    });
    try {
      this.#load(credentials.server);
    } catch (error) {
      this.#refuseUnloaded(pending, error);
      return;
    }
    this.#server.emit("connection", socket);
  }

  /** Ends all that is not accepted yet. */
  close(): void {
    this.#stopSweep?.();
    this.#stopSweep = undefined;
    for (const { socket } of this.#pending.values()) socket.destroy();
  }

  #load(pair: LoadedPair): void {
    if (pair === this.#pair) return;
    this.#server.setSecureContext(pair.options);
    this.#pair = pair;
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
    pending.socket.once("data", () => pending.socket.end(INTERNAL_ERROR));
  }

  #secured(socket: TLSSocket): void {
    const pending = this.#pending.get(keyOf(socket));
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
    if (!this.#alerts.send(refusal.alert, socket, pending.socket)) socket.end();
    letRead(socket);
  }

  async #check(socket: TLSSocket, pending: Pending): Promise<void> {
    const { credentials, checksAddress } = this.#options;
    try {
      await checkClient(socket, credentials, checksAddress);
    } catch (error) {
      this.#reject(pending, error, socket);
      socket.end();
      letRead(socket);
      return;
    }
    if (socket.destroyed) return;
    this.#pending.delete(pending.key);
    pending.accepted(socket, credentials.profile.clientCertAuth ? nameOf(socket) : undefined);
  }

  /** A lost connection is told of while its socket closes, when it has no address left. */
  #failed(error: Error, socket: TLSSocket): void {
    const pending = this.#pending.get(keyOf(socket)) ?? this.#closing;
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

  #dropOldest(): void {
    const [oldest] = this.#pending.values();
    oldest?.socket.destroy();
    if (oldest !== undefined) this.#pending.delete(oldest.key);
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

/** Who is refused closes by himself when he has read how it ended; the sweep ends who does not. */
function letRead(socket: TLSSocket): void {
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
