import type { HttpCall } from "../http2/http-call.ts";
import type { Exchange, Headers } from "./exchange.ts";
import type { Reply } from "./reply.ts";

/** One request of HTTP/2, which carries such only behind TLS. */
export class Http2Exchange implements Exchange {
  readonly isEncrypted = true;
  readonly #call: HttpCall;
  readonly #headers: string[] = [];
  #onChunk: (bytes: Buffer) => void = () => {};
  #onEnd: () => void = () => {};
  #isReading = false;
  #isStarted = false;

  constructor(call: HttpCall) {
    this.#call = call;
  }

  get method(): string {
    return this.#call.head.method;
  }

  get target(): string {
    return this.#call.head.target;
  }

  get headerPairs(): readonly string[] {
    return this.#call.head.headerPairs;
  }

  get remote(): string {
    return this.#call.remote;
  }

  get certificateName(): string | undefined {
    return this.#call.certificateName;
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  get backlogBytes(): number {
    return this.#call.backlogBytes;
  }

  get onDrain(): (() => void) | undefined {
    return this.#call.onDrain;
  }

  set onDrain(callback: (() => void) | undefined) {
    this.#call.onDrain = callback;
  }

  get onGone(): (() => void) | undefined {
    return this.#call.onGone;
  }

  set onGone(callback: (() => void) | undefined) {
    this.#call.onGone = callback;
  }

  header(name: string): string | undefined {
    const pairs = this.headerPairs;
    for (let at = 0; at < pairs.length; at += 2) if (pairs[at] === name) return pairs[at + 1];
    return undefined;
  }

  readBody(onChunk: (bytes: Buffer) => void, onEnd: () => void): void {
    this.#onChunk = onChunk;
    this.#onEnd = onEnd;
    if (this.#isReading) return;
    this.#isReading = true;
    this.#call.read({ data: (bytes) => this.#onChunk(bytes), end: () => this.#onEnd() });
  }

  setHeader(name: string, value: string): void {
    this.#headers.push(name, value);
  }

  reply({ status, headers, body }: Reply): void {
    if (this.#isStarted) return;
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    this.start(status, { ...headers, "Content-Length": String(bytes.length) });
    if (this.method !== "HEAD" && bytes.length > 0) this.#call.write(bytes);
    this.end();
  }

  start(status: number, headers: Headers): void {
    this.#isStarted = true;
    this.#call.start(status, [...this.#headers, ...Object.entries(headers).flat()]);
  }

  write(text: string): void {
    this.#call.write(Buffer.from(text));
  }

  end(): void {
    this.#call.end();
  }

  /** JSON that breaks off is shown to be none. */
  abort(): void {
    this.#call.end();
  }
}
