// The peer port: HTTP/1.1, one table of routes. Nothing here knows what an answer means.
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import { AssertionError, must } from "../base/assert.ts";
import { hexId } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { ACCEPT_BACKLOG, GuestList } from "../base/guest-list.ts";
import {
  BAD_REQUEST,
  endConnection,
  headRefusal,
  type InputError,
  inputRefusal,
} from "../base/http-refusal.ts";
import type { Log } from "../base/log.ts";
import { SlicedInput } from "../base/sliced-input.ts";
import type { Identity } from "./identity.ts";
import { PeerGuest } from "./peer-guest.ts";
import { addressOf } from "./peer-request.ts";
import type { QuestionRoutes } from "./question-routes.ts";
import type { RaftRoutes } from "./raft-routes.ts";
import { type Exchange, refuse } from "./reply.ts";
import type { TlsHandshakes } from "./tls.ts";

const HEADER_BYTES_MAX = 16 * 1024;
const HEADERS_MS_MAX = 10_000;
/** How often the time of headers is looked at. */
const CHECK_MS = 1_000;
/** A connection on which nothing moves; a snapshot is synced to disk within it. */
const IDLE_MS_MAX = 120_000;

type Route = (exchange: Exchange) => void | Promise<void>;

export interface PeerServerOptions {
  readonly identity: Identity;
  readonly listenUrls: readonly string[];
  readonly reusePort: boolean;
  /** Every peer holds two; the rest is short-lived. */
  readonly connectionsMax: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent where no URL is https. */
  readonly acceptor?: TlsHandshakes | undefined;
  readonly raft: RaftRoutes;
  readonly questions: QuestionRoutes;
}

export class PeerServer {
  readonly #options: PeerServerOptions;
  readonly #exact: ReadonlyMap<string, Route>;
  readonly #prefixes: readonly (readonly [string, Route])[];
  readonly #guests: GuestList;
  readonly #guestOf = new WeakMap<Socket, PeerGuest>();
  readonly #inputs = new WeakMap<Socket, SlicedInput>();
  #servers: Server[] = [];

  constructor(options: PeerServerOptions) {
    this.#options = options;
    this.#guests = new GuestList(options.connectionsMax, options.clock);
    const { raft, questions } = options;
    this.#exact = new Map<string, Route>([
      ["/raft", (exchange) => raft.post(exchange)],
      ["/raft/snapshot", (exchange) => raft.snapshot(exchange)],
      ["/raft/probing", (exchange) => raft.probe(exchange)],
      ["/members", (exchange) => questions.members(exchange)],
      ["/members/hashkv", (exchange) => questions.hashKv(exchange)],
      ["/leases", (exchange) => questions.keepAlive(exchange)],
      ["/leases/internal", (exchange) => questions.timeToLive(exchange)],
      ["/version", (exchange) => questions.version(exchange)],
      ["/downgrade/enabled", (exchange) => questions.downgradeEnabled(exchange)],
    ]);
    this.#prefixes = [
      ["/raft/stream/", (exchange) => raft.stream(exchange)],
      ["/members/promote/", (exchange) => questions.promote(exchange)],
    ];
  }

  async start(): Promise<void> {
    for (const url of this.#options.listenUrls) {
      const server = this.#open(url);
      this.#servers.push(server);
      await listen(server, url, this.#options.reusePort);
      this.#options.log.info("serving peer traffic", { address: addressIn(server) });
    }
  }

  async stop(): Promise<void> {
    const servers = this.#servers;
    this.#servers = [];
    this.#options.acceptor?.close();
    await Promise.all(
      servers.map((server) => {
        const { log } = this.#options;
        const fields = { address: addressIn(server) };
        log.info("stopping serving peer traffic", fields);
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        server.closeAllConnections();
        return closed.then(() => log.info("stopped serving peer traffic", fields));
      }),
    );
  }

  #open(url: string): Server {
    const options: ServerOptions = {
      headersTimeout: HEADERS_MS_MAX,
      connectionsCheckingInterval: CHECK_MS,
      keepAliveTimeout: IDLE_MS_MAX,
      maxHeaderSize: HEADER_BYTES_MAX,
      noDelay: true,
      // Bodies may take as long as they move: a snapshot has no upper limit.
      requestTimeout: 0,
      requireHostHeader: false,
    };
    const handle = (request: IncomingMessage, response: ServerResponse) =>
      this.#handle(request, response);
    const server = createServer(options, handle);
    server.maxHeadersCount = 0;
    server.on("checkExpectation", handle);
    server.on("connect", ({ socket }) => this.#refuse(socket, BAD_REQUEST));
    server.on("clientError", (error, socket) => this.#misread(error, socket as Socket));
    this.#standBefore(server, /^(https|unixs):/.test(url));
    server.timeout = IDLE_MS_MAX;
    return server;
  }

  /** Connections come to the server's own listener only when they have a place. */
  #standBefore(server: Server, isSecure: boolean): void {
    const [serve] = server.listeners("connection");
    server.removeAllListeners("connection");
    const admit = (socket: Socket): void => {
      const guest = new PeerGuest(socket, this.#options.clock.monotonic());
      if (!this.#guests.admit(guest)) {
        socket.destroy();
        return;
      }
      this.#guestOf.set(socket, guest);
      socket.on("close", () => this.#guests.delete(guest));
      serve?.call(server, socket);
      this.#inputs.set(socket, new SlicedInput(socket, () => guest.isSending));
    };
    if (!isSecure) {
      server.on("connection", admit);
      return;
    }
    const acceptor = must(this.#options.acceptor, "an https URL comes with what serves it");
    server.on("connection", (raw: Socket) => acceptor.accept(raw, admit));
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const { clock } = this.#options;
    const guest = this.#guestOf.get(request.socket);
    if (guest?.isEnding === true) return;
    const refusal = headRefusal(request);
    if (refusal !== undefined) {
      this.#refuse(request.socket, refusal);
      return;
    }
    if (guest?.asks(request, response, clock.monotonic()) === false) return;
    response.on("close", () => guest?.answered(clock.monotonic()));
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    const exchange = { request, response, path };
    response.setHeader("X-Etcd-Cluster-ID", hexId(this.#options.identity.clusterId));
    const prefixed = this.#prefixes.find(([prefix]) => path.startsWith(prefix))?.[1];
    const route = this.#exact.get(path) ?? prefixed;
    if (route === undefined) {
      refuse(exchange, { status: 404, text: "404 page not found" });
      return;
    }
    Promise.resolve(route(exchange)).catch((error: unknown) => {
      if (error instanceof AssertionError) throw error;
      this.#options.log.error("a request of a peer failed", { path, error });
      refuse(exchange, { status: 500, text: "Internal Server Error" });
    });
  }

  /** When what was asked before is answered. */
  #refuse(socket: Socket, refusal: Buffer): void {
    this.#inputs.get(socket)?.discard();
    this.#guestOf.get(socket)?.endsBy(() => endConnection(socket, refusal, this.#options.clock));
  }

  /** What has come is no request: whoever speaks another protocol is not left to wait for an answer. */
  #misread(error: InputError, socket: Socket): void {
    const guest = this.#guestOf.get(socket);
    const input = this.#inputs.get(socket);
    const refusal = inputRefusal(error);
    if (guest === undefined || input === undefined || refusal === undefined) {
      socket.destroy();
      return;
    }
    const { farewell, isIgnored } = refusal;
    input.discard();
    if (guest.isSending) {
      if (guest.isUntold) endConnection(socket, BAD_REQUEST, this.#options.clock);
      else socket.destroy();
    } else if (!isIgnored) this.#refuse(socket, farewell);
  }
}

/** Empty where nothing listens: another address was not to be had. */
function addressIn(server: Server): string {
  const bound = server.address();
  if (bound === null || typeof bound === "string") return bound ?? "";
  const host = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
  return `${host}:${bound.port}`;
}

function listen(server: Server, url: string, reusePort: boolean): Promise<void> {
  const [scheme = "", authority = ""] = url.split("://");
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const listening = () => {
      server.off("error", reject);
      resolve();
    };
    if (scheme.startsWith("unix")) server.listen(authority, listening);
    else {
      const where = { ...addressOf(authority), reusePort, backlog: ACCEPT_BACKLOG };
      server.listen(where, listening);
    }
  });
}
