import {
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as requestHttp,
} from "node:http";
import { BytePool } from "../base/byte-pool.ts";
import type { Clock } from "../base/clock.ts";
import type { TlsDial } from "./tls.ts";

/** Of the connection and the answer's headers. */
export interface RequestOptions {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  /** The connection may rest so long before `limitRest` ends the request. */
  readonly idleMs?: number;
  /** For https and unixs. */
  readonly dialTls?: TlsDial | undefined;
}

/** An answer whose body is complete. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** Bytes of an answer or request that is read as a whole. */
export class BodyTooLargeError extends Error {
  override readonly name = "BodyTooLargeError";
}

/**
 * Starts a request on a connection of its own: what is rare needs no pool, and a peer that closes
 * idle connections never meets a request.
 * @param url one of a peer's URLs; unix and unixs name a socket file by their authority
 */
export function openRequest(url: string, options: RequestOptions): ClientRequest {
  const [scheme = "", authority = ""] = url.split("://");
  const rest = options.idleMs !== undefined && { timeout: options.idleMs };
  const common = {
    method: options.method,
    path: options.path,
    headers: options.headers,
    ...rest,
  };
  const where = scheme.startsWith("unix") ? { socketPath: authority } : addressOf(authority);
  if (scheme !== "https" && scheme !== "unixs") {
    return requestHttp({ ...common, ...where, agent: false });
  }
  // What it throws becomes the request's error.
  const createConnection = () => {
    if (options.dialTls === undefined) throw new Error(`no TLS to reach ${url} with`);
    // The request's own option is for connections that the runtime makes.
    return options.dialTls({ ...where, ...rest });
  };
  return requestHttp({ ...common, ...where, createConnection });
}

/**
 * @param pool what all that is read at once may take
 * @throws BodyTooLargeError, and whatever ended the connection early
 */
export async function readBody(
  message: IncomingMessage,
  bytesMax: number,
  pool: BytePool = new BytePool(bytesMax),
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      if (length + chunk.length > bytesMax || !pool.take(chunk.length)) {
        throw new BodyTooLargeError(`body of more than ${length} bytes`);
      }
      length += chunk.length;
      chunks.push(chunk);
    }
  } finally {
    pool.give(length);
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

/**
 * Ends a request whose peer rests for its `idleMs`, from the first moment of its connection. What
 * lies unread is read first: a process that stood still finds its time over before the answer.
 */
export function limitRest(request: ClientRequest, clock: Clock): void {
  request.once("socket", (socket) =>
    socket.on("timeout", () => {
      const bytesBefore = socket.bytesRead;
      clock.soon(() => {
        if (socket.bytesRead === bytesBefore) request.destroy(new Error("i/o timeout"));
      });
    }),
  );
}

/** Sends `body` and reads the whole answer. Rejects when the peer rests for `idleMs`. */
export function exchange(
  url: string,
  options: RequestOptions & { readonly clock: Clock },
  body: Buffer | undefined,
  answerBytesMax: number,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = openRequest(url, options);
    limitRest(request, options.clock);
    request.on("error", reject);
    request.on("response", (response) => {
      readBody(response, answerBytesMax).then((answer) => {
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, body: answer });
      }, reject);
    });
    request.end(body);
  });
}

/** Host and port as `host:port` or `[v6]:port`. */
export function addressOf(authority: string): { readonly host: string; readonly port: number } {
  const colon = authority.lastIndexOf(":");
  const host = authority.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return { host, port: Number(authority.slice(colon + 1)) };
}
