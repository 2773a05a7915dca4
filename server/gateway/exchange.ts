import type { IncomingMessage, ServerResponse } from "node:http";
import type { Reply } from "./reply.ts";

/** What a connection is worth: a body of no use is read to its end up to here. Go's number. */
const DUMP_BYTES_MAX = 256 * 1024;

export type Headers = Readonly<Record<string, string>>;

/** One request and its response, whatever version of HTTP carries them. */
export interface Exchange {
  readonly method: string;
  /** As sent: path and query. */
  readonly target: string;
  /** Name in lower case, value, name, value …, in the order of arrival. */
  readonly headerPairs: readonly string[];
  /** The peer's address, `10.0.0.7:51234`. */
  readonly remote: string;
  readonly isEncrypted: boolean;
  /** CN of the client's certificate, where one was demanded. */
  readonly certificateName: string | undefined;
  header(name: string): string | undefined;
  /**
   * Reads the body: `onChunk` for its pieces, then `onEnd` once. May be called again, to hand the
   * rest to somebody else. What nobody reads is thrown away when the response ends.
   * @param onBroken instead of `onEnd` when the rest cannot be read, with the reason
   */
  readBody(
    onChunk: (bytes: Buffer) => void,
    onEnd: () => void,
    onBroken?: (text: string) => void,
  ): void;
  /** Answers at once. Its headers come on top of those `setHeader` was given. */
  reply(reply: Reply): void;
  setHeader(name: string, value: string): void;
  /** Begins an answer of unknown length. */
  start(status: number, headers: Headers): void;
  write(text: string): void;
  end(): void;
  /** Ends an answer that has begun and cannot go on; its client is shown that, where it can be. */
  abort(): void;
  readonly isStarted: boolean;
  /** Of a WebSocket: makes it one. False when that failed; the client has been told. */
  open?(): boolean;
  /** Written and not yet taken by the peer. */
  readonly backlogBytes: number;
  /** Called each time the backlog has become empty again. */
  onDrain: (() => void) | undefined;
  /** Called once when the peer is gone before the end of the response. */
  onGone: (() => void) | undefined;
}

/** Of HTTP/1. */
export class Http1Exchange implements Exchange {
  readonly method: string;
  readonly target: string;
  readonly remote: string;
  readonly isEncrypted: boolean;
  readonly certificateName: string | undefined;
  onDrain: (() => void) | undefined = undefined;
  onGone: (() => void) | undefined = undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #onChunk: (bytes: Buffer) => void = () => {};
  #onEnd: () => void = () => {};
  #onBroken: (text: string) => void = () => {};
  #isReading = false;
  #problem: string | undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    certificateName: string | undefined,
  ) {
    const { remoteAddress = "", remotePort = 0 } = request.socket;
    this.method = request.method ?? "";
    this.target = request.url ?? "";
    const host = remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress;
    this.remote = `${host}:${remotePort}`;
    this.isEncrypted = "encrypted" in request.socket;
    this.certificateName = certificateName;
    this.#request = request;
    this.#response = response;
    // Node's word about it is not Go's; see #tellConnection.
    response.removeHeader("Connection");
    response.on("drain", () => this.onDrain?.());
    response.on("close", () => {
      if (!response.writableFinished) this.onGone?.();
    });
  }

  get headerPairs(): readonly string[] {
    return this.#request.rawHeaders.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text));
  }

  get isStarted(): boolean {
    return this.#response.headersSent;
  }

  get backlogBytes(): number {
    return this.#response.writableLength;
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  readBody(
    onChunk: (bytes: Buffer) => void,
    onEnd: () => void,
    onBroken: (text: string) => void = () => {},
  ): void {
    this.#onChunk = onChunk;
    this.#onEnd = onEnd;
    this.#onBroken = onBroken;
    if (this.#isReading) return;
    this.#isReading = true;
    this.#request.on("data", (bytes: Buffer) => {
      this.#onChunk(bytes);
      this.#tellProblem();
    });
    this.#request.on("end", () => this.#onEnd());
    this.#tellProblem();
  }

  /** The rest of the body cannot be read. */
  breakBody(problem: string): void {
    this.#problem = problem;
    this.#tellProblem();
  }

  setHeader(name: string, value: string): void {
    this.#response.setHeader(name, value);
  }

  reply({ status, headers, body }: Reply): void {
    const response = this.#response;
    if (response.headersSent) return;
    this.#tellConnection(true);
    this.#endBody();
    const length = { "Content-Length": Buffer.byteLength(body) };
    response.writeHead(status, { ...headers, ...length }).end(body);
  }

  start(status: number, headers: Headers): void {
    this.#tellConnection(false);
    this.#response.writeHead(status, headers);
  }

  write(text: string): void {
    this.#response.write(text);
  }

  end(): void {
    this.#endBody();
    this.#response.end();
  }

  abort(): void {
    this.#response.destroy();
  }

  /** Whether it stays open is told where the version of HTTP means something else by itself. */
  #tellConnection(hasLength: boolean): void {
    const { shouldKeepAlive } = this.#response;
    if (this.#request.httpVersion === "1.1") {
      if (!shouldKeepAlive) this.#response.setHeader("Connection", "close");
    } else if (shouldKeepAlive && hasLength) this.#response.setHeader("Connection", "keep-alive");
  }

  /** When all is told that came before. */
  #tellProblem(): void {
    if (this.#problem === undefined || !this.#isReading || this.#request.readableLength > 0) return;
    const problem = this.#problem;
    this.#problem = undefined;
    this.#onBroken(problem);
  }

  /** The rest of a body is thrown away if it is short; else its sender does not get to send it. */
  #endBody(): void {
    this.#onChunk = () => {};
    this.#onEnd = () => {};
    this.#onBroken = () => {};
    const request = this.#request;
    if (request.complete || this.#response.headersSent || bodyBytes(request) <= DUMP_BYTES_MAX) {
      return;
    }
    this.#response.setHeader("Connection", "close");
  }
}

/** As announced; Infinity when there is a body of unknown length. */
function bodyBytes({ headers }: IncomingMessage): number {
  if (headers["transfer-encoding"] !== undefined) return Number.POSITIVE_INFINITY;
  return Number(headers["content-length"] ?? 0);
}
