import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { AssertionError } from "../base/assert.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { answerHealth } from "./health.ts";
import type { MemberProbe } from "./member-probe.ts";
import { answerReadiness, parseReadinessPath } from "./readiness.ts";
import { plainError, type Reply } from "./reply.ts";

const CONNECTIONS_MAX = 1000;
const HEADER_BYTES_MAX = 16 * 1024;
/** A request's head must be there in this time, and a kept connection be used again. */
const REQUEST_MS = 30_000;
const SWEEP_MS = 1000;
const NOT_DECIDED = "not_decided";

const CORS: Readonly<Record<string, string>> = {
  "Access-Control-Allow-Headers": "accept, content-type, authorization",
  "Access-Control-Allow-Methods": "POST, GET, OPTIONS, PUT, DELETE",
  "Access-Control-Allow-Origin": "*",
};

export interface GatewayOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly probe: MemberProbe;
  readonly metrics: Metrics;
}

/** HTTP/1 on the client port: health, version, metrics. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #server: Server;
  /** When each connection began to wait for a request; undefined while one is being answered. */
  readonly #waiting = new Map<Socket, number | undefined>();
  #stopSweep: Cancel | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }, (request, response) => {
      void this.#serve(request, response);
    });
  }

  /** Takes over a connection whose first bytes are still unread. */
  readonly accept = (socket: Socket): void => {
    if (this.#waiting.size >= CONNECTIONS_MAX) {
      socket.destroy();
      return;
    }
    const { clock } = this.#options;
    this.#stopSweep ??= clock.every(SWEEP_MS, () => this.#sweep());
    this.#waiting.set(socket, clock.monotonic());
    socket.on("close", () => this.#waiting.delete(socket));
    this.#server.emit("connection", socket);
    socket.resume();
  };

  close(): void {
    this.#stopSweep?.();
    for (const socket of this.#waiting.keys()) socket.destroy();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    this.#waiting.set(socket, undefined);
    response.on("close", () => {
      if (this.#waiting.has(socket)) this.#waiting.set(socket, this.#options.clock.monotonic());
    });
    let reply: Reply;
    try {
      reply = await this.#answer(request);
    } catch (thrown) {
      if (thrown instanceof AssertionError) throw thrown;
      this.#options.log.error("an HTTP request failed unexpectedly", {
        path: request.url,
        error: String(thrown),
      });
      reply = plainError(500, "Internal Server Error");
    }
    const headers: Record<string, string | number> = {
      ...CORS,
      ...reply.headers,
      "Content-Length": Buffer.byteLength(reply.body),
    };
    // Nothing here takes a body; who sends one does not get to send the rest of it.
    if (hasBody(request)) headers["Connection"] = "close";
    response.writeHead(reply.status, headers).end(reply.body);
  }

  async #answer(request: IncomingMessage): Promise<Reply> {
    const { probe, metrics } = this.#options;
    const url = parseUrl(request.url ?? "");
    if (url === undefined) return plainError(400, "400 Bad Request");
    if (request.method === "OPTIONS") return { status: 200, headers: {}, body: "" };
    const readiness = parseReadinessPath(url.pathname);
    if (readiness !== undefined) {
      if (request.method !== "GET") return notAllowed();
      return answerReadiness(probe, metrics.health, readiness, url.searchParams);
    }
    switch (url.pathname) {
      case "/health":
        if (request.method !== "GET") return notAllowed();
        return answerHealth(probe, metrics.health, url.searchParams);
      case "/version":
        return request.method === "GET" ? versionReply(probe) : notAllowed();
      case "/metrics": {
        const body = await metrics.text();
        return { status: 200, headers: { "Content-Type": metrics.contentType }, body };
      }
      default:
        return plainError(404, "404 page not found");
    }
  }

  #sweep(): void {
    const nowMs = this.#options.clock.monotonic();
    for (const [socket, sinceMs] of this.#waiting) {
      if (sinceMs !== undefined && nowMs - sinceMs > REQUEST_MS) socket.destroy();
    }
    if (this.#waiting.size > 0) return;
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }
}

function versionReply(probe: MemberProbe): Reply {
  const body = JSON.stringify({
    etcdserver: probe.serverVersion,
    etcdcluster: probe.clusterVersion() ?? NOT_DECIDED,
  });
  return { status: 200, headers: { "Content-Type": "application/json" }, body };
}

function notAllowed(): Reply {
  return plainError(405, "Method Not Allowed", { Allow: "GET" });
}

function hasBody(request: IncomingMessage): boolean {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  return encoding !== undefined || (length !== undefined && length !== "0");
}

function parseUrl(target: string): URL | undefined {
  return URL.canParse(target, "http://member") ? new URL(target, "http://member") : undefined;
}
