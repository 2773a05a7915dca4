// What is put right about a request before Next reads it, and what goes with every answer.
//
// Who is at the other end: route handlers see only headers, and a client can send any. So what a
// request claims about its own way here is replaced by what the socket says. Behind a proxy of
// one's own (QUORATE_TRUST_PROXY=1) the proxy's word stands.
//
// By which method it asks: Next makes a Request of it, and a Request throws at some (TRACE). That
// would be a bare 500, and a stack in the log for anybody who asks so.
//
// Whether browsers may ever come here without TLS again: not once its starter has said that the
// console's address begins with https. Browsers apply that to a host with all its ports, so it is
// never inferred from one request, and it says nothing about other hosts.
import { subscribe } from "node:diagnostics_channel";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ConsoleEnvironment } from "../console/environment.ts";

export const ADDRESS_HEADER = "x-forwarded-for";
/** The longest that is written of an IPv6 address, and room for the name of its interface. */
const ADDRESS_CHARACTERS_MAX = 64;
const CLAIMS = ["x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "forwarded"] as const;
const INSTALLED = Symbol.for("quorate.front-door");

export const METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] as const;
const KNOWN: ReadonlySet<string | undefined> = new Set(METHODS);
/** The route that answers instead of the one that was asked for. */
const REFUSAL = "/api/method-not-allowed";

const HTTPS_ONLY = "strict-transport-security";
/** Half a year: what scanners ask for at least, and not for ever should TLS be given up. */
const HTTPS_ONLY_SECONDS = 180 * 24 * 60 * 60;

type Situation = Pick<ConsoleEnvironment, "trustsProxy" | "isHttpsOnly">;

/** Once per process, however many copies of this module there are. */
export function guardFrontDoor({ trustsProxy, isHttpsOnly }: Situation): void {
  const slot = globalThis as { [INSTALLED]?: true };
  if (slot[INSTALLED] === true) return;
  slot[INSTALLED] = true;
  subscribe("http.server.request.start", (message) => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    if (!trustsProxy) replaceClaims(request);
    divertUnknownMethod(request);
    if (isHttpsOnly) response.setHeader(HTTPS_ONLY, `max-age=${HTTPS_ONLY_SECONDS}`);
  });
}

export function replaceClaims(request: IncomingMessage): void {
  for (const name of CLAIMS) delete request.headers[name];
  request.headers[ADDRESS_HEADER] = request.socket.remoteAddress ?? "unknown";
}

/**
 * The address of whoever sent a request with this header: of what stands there the last hop, which
 * alone was written by the socket's end or by one's own proxy. "" where nothing stands there.
 */
export function addressIn(header: unknown): string {
  if (typeof header !== "string") return "";
  const hop = header.slice(header.lastIndexOf(",") + 1).trim();
  return withoutPort(hop).slice(0, ADDRESS_CHARACTERS_MAX);
}

/** Some proxies name the port too, which is another one for each connection. */
function withoutPort(hop: string): string {
  const written = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(hop) ?? /^\[([^\]]*)\](?::\d+)?$/.exec(hop);
  return written?.[1] ?? hop;
}

export function divertUnknownMethod(request: IncomingMessage): void {
  if (KNOWN.has(request.method)) return;
  request.method = "GET";
  request.url = REFUSAL;
}
