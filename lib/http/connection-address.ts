// Who is at the other end. Route handlers see only headers, and a client can send any: so before
// Next reads a request, what it claims about its own way here is replaced by what the socket says.
// Behind a proxy of one's own (QUORATE_TRUST_PROXY=1) the proxy's word stands.
import { subscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";

export const ADDRESS_HEADER = "x-forwarded-for";
const CLAIMS = ["x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "forwarded"] as const;
const INSTALLED = Symbol.for("quorate.connection-address");

/** Once per process, however many copies of this module there are. */
export function trustSocketsOnly(trustsProxy: boolean): void {
  const slot = globalThis as { [INSTALLED]?: true };
  if (slot[INSTALLED] === true) return;
  slot[INSTALLED] = true;
  if (trustsProxy) return;
  subscribe("http.server.request.start", (message) => {
    replaceClaims((message as { request: IncomingMessage }).request);
  });
}

export function replaceClaims(request: IncomingMessage): void {
  for (const name of CLAIMS) delete request.headers[name];
  request.headers[ADDRESS_HEADER] = request.socket.remoteAddress ?? "unknown";
}
