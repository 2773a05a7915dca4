import type { IncomingMessage, ServerResponse } from "node:http";
import { headerText, type Refusal } from "./identity.ts";

/** What one request and its answer need on their way through the routes. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Without the query. */
  readonly path: string;
}

export function reply(
  { response }: Exchange,
  status: number,
  body: string | Buffer,
  contentType: string,
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    "Content-Type": contentType,
    "Content-Length": Buffer.byteLength(body),
  });
  response.end(body);
}

/** As Go answers errors: the text, a line feed. */
export function refuse(exchange: Exchange, { status, text }: Refusal): void {
  // What the peer still sends of its request is not read.
  if (!exchange.request.complete) exchange.response.setHeader("Connection", "close");
  reply(exchange, status, `${text}\n`, "text/plain; charset=utf-8");
}

/** False, and answered, unless the request has this method. */
export function isMethod(exchange: Exchange, method: "GET" | "POST"): boolean {
  if (exchange.request.method === method) return true;
  exchange.response.setHeader("Allow", method);
  refuse(exchange, { status: 405, text: "Method Not Allowed" });
  return false;
}

export function header(exchange: Exchange, name: string): string | undefined {
  return headerText(exchange.request.headers, name);
}
