import { AssertionError } from "../base/assert.ts";
import type { Log } from "../base/log.ts";
import { parseTarget } from "../base/request-target.ts";
import type { HealthCounters } from "../metrics/health-counters.ts";
import type { Scrapes } from "../metrics/scrapes.ts";
import type { Access } from "./access.ts";
import type { Exchange } from "./exchange.ts";
import { answerHealth } from "./health.ts";
import type { JsonGateway } from "./json-gateway.ts";
import type { MemberProbe } from "./member-probe.ts";
import { PROFILES_PREFIX, type Profiling } from "./profiling.ts";
import { answerReadiness, parseReadinessPath } from "./readiness.ts";
import { plainError, type Reply } from "./reply.ts";

const NOT_DECIDED = "not_decided";
const JSON_PREFIX = "/v3/";
/** What was served there before is served under the name it has now. */
const BETA_PREFIX = "/v3beta/";

export interface SiteOptions {
  readonly log: Log;
  readonly probe: MemberProbe;
  readonly health: HealthCounters;
  readonly scrapes: Scrapes;
  /** Undefined: whoever reaches the listener may ask. */
  readonly access: Access | undefined;
  /** Undefined: not served here. */
  readonly json: JsonGateway | undefined;
  /** Undefined: not switched on. */
  readonly profiling: Profiling | undefined;
  /** Also what is of no use to who only measures. */
  readonly isFull: boolean;
}

/** Everything that is served over HTTP under one address, by its path. */
export class Site {
  readonly #options: SiteOptions;

  constructor(options: SiteOptions) {
    this.#options = options;
  }

  readonly serve = (exchange: Exchange): void => {
    const { access, json } = this.#options;
    // Asks about the server as a whole, which Go's answers before etcd hears of it.
    if (exchange.method === "OPTIONS" && exchange.target === "*") {
      return exchange.reply({ status: 200, headers: {}, body: "" });
    }
    const url = parseTarget(exchange.target);
    if (url === undefined) return exchange.reply(plainError(400, "400 Bad Request"));
    const path = url.path.startsWith(BETA_PREFIX)
      ? JSON_PREFIX + url.path.slice(BETA_PREFIX.length)
      : url.path;
    // An absolute target says whom it is meant for, whatever the header does.
    const host = url.authority === "" ? (exchange.header("host") ?? "") : url.authority;
    const refusal = access?.admit(exchange, path, host);
    if (refusal !== undefined) return exchange.reply(refusal);
    const clean = this.#isSubtree(`${path}/`) ? `${path}/` : cleanPath(path);
    if (clean !== path) exchange.reply(moved(exchange.method, encodeURI(clean) + url.query));
    else if (json !== undefined && path.startsWith(JSON_PREFIX)) {
      if (exchange.open?.() !== false) json.serve(exchange, path);
    } else void this.#answer(exchange, path, new URLSearchParams(url.query));
  };

  /** Paths that are served with everything below them, and known without their last slash. */
  #isSubtree(path: string): boolean {
    const { json, profiling } = this.#options;
    if (path === JSON_PREFIX) return json !== undefined;
    return path === PROFILES_PREFIX && profiling !== undefined;
  }

  async #answer(exchange: Exchange, path: string, query: URLSearchParams): Promise<void> {
    let reply: Reply;
    try {
      reply = await this.#find(exchange.method, path, query);
    } catch (thrown) {
      if (thrown instanceof AssertionError) throw thrown;
      const error = String(thrown);
      this.#options.log.error("an HTTP request failed unexpectedly", { path, error });
      reply = plainError(500, "Internal Server Error");
    }
    exchange.reply(reply);
  }

  async #find(method: string, path: string, query: URLSearchParams): Promise<Reply> {
    const { probe, log, scrapes, profiling, isFull } = this.#options;
    const readiness = parseReadinessPath(path);
    if (readiness !== undefined) {
      if (method === "GET") return answerReadiness(this.#options, path, readiness, query);
      log.warn("Health request error", { path, "status-code": 405 });
      return notAllowed();
    }
    switch (path) {
      case "/health":
        if (method === "GET") return answerHealth(this.#options, query);
        log.warn("/health error", { "status-code": 405 });
        return notAllowed();
      case "/metrics": {
        const body = await scrapes.text();
        return { status: 200, headers: { "Content-Type": scrapes.contentType }, body };
      }
      case "/version":
        if (!isFull) break;
        return method === "GET" ? versionReply(probe) : notAllowed();
      case "/debug/vars":
        if (!isFull) break;
        return method === "GET" ? variablesReply(probe) : notAllowed();
      default:
        break;
    }
    const profile = await profiling?.answer(path, query);
    if (profile !== undefined) return profile;
    return plainError(404, "404 page not found");
  }
}

function versionReply(probe: MemberProbe): Reply {
  const body = JSON.stringify({
    etcdserver: probe.serverVersion,
    etcdcluster: probe.clusterVersion() ?? NOT_DECIDED,
  });
  return { status: 200, headers: { "Content-Type": "application/json" }, body };
}

/** A line each, as Go's expvar writes them. */
function variablesReply(probe: MemberProbe): Reply {
  const lines = Object.entries(probe.debugVars()).map(([name, value]) => {
    return `${JSON.stringify(name)}: ${JSON.stringify(value)}`;
  });
  return {
    status: 200,
    headers: { "Content-Type": "application/json; charset=utf-8" },
    body: `{\n${lines.join(",\n")}\n}\n`,
  };
}

function notAllowed(): Reply {
  return plainError(405, "Method Not Allowed", { Allow: "GET" });
}

/** Without empty segments, `.` and `..`; a slash at the end stays. */
function cleanPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  const isFolder = segments.length > 0 && path.endsWith("/");
  return `/${segments.join("/")}${isFolder ? "/" : ""}`;
}

/** Go's way of sending a client to the right address. */
function moved(method: string, location: string): Reply {
  const headers = { Location: location };
  if (method !== "GET" && method !== "HEAD") return { status: 301, headers, body: "" };
  return {
    status: 301,
    headers: { ...headers, "Content-Type": "text/html; charset=utf-8" },
    body: `<a href="${escapeHtml(headers.Location)}">Moved Permanently</a>.\n\n`,
  };
}

/** Go's. */
const HTML_ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => HTML_ESCAPES[character] as string);
}
