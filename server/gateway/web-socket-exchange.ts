import { createHash } from "node:crypto";
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { remoteHostOf } from "../http2/peer-address.ts";
import { type Exchange, type Headers, Http1Exchange } from "./exchange.ts";
import type { Dialogue } from "./http-guest.ts";
import type { MessageMemory, MessageShare } from "./message-memory.ts";
import { plainError, type Reply } from "./reply.ts";
import {
  CloseCode,
  closeFrame,
  FrameReader,
  pongFrame,
  textFrame,
  WebSocketError,
} from "./web-socket-frames.ts";

const JSON_PATH = /^\/v3(?:beta)?\//;
const VERSION = "13";
/** The protocol's own constant. */
const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** Of all headers, what etcd's proxy hands on. */
const FORWARDED = new Set(["origin", "referer"]);
const TOKEN_COOKIE = /(?:^|;)\s*token=([^;]*)/;
/** What browsers send here is to watch and to keep alive. */
const MESSAGE_BYTES_MAX = 1024 * 1024;

/** With so much unread already, pings are not answered. */
const PONG_BACKLOG_BYTES_MAX = 64 * 1024;

export function wantsWebSocket({ headers, url = "" }: IncomingMessage): boolean {
  return JSON_PATH.test(url) && headers.upgrade?.toLowerCase() === "websocket";
}

/**
 * A request over a WebSocket: its messages are the request's body, the lines of the answer its
 * messages. Whatever the client asked with, to the gateway it is a POST, as etcd's proxy makes it.
 */
export class WebSocketExchange implements Exchange, Dialogue {
  readonly method = "POST";
  readonly #request: IncomingMessage;
  readonly #socket: Socket;
  readonly #head: Buffer;
  /** Answers as long as the WebSocket is not open. */
  readonly #plain: Http1Exchange;
  onDrain: (() => void) | undefined = undefined;
  onGone: (() => void) | undefined = undefined;
  isBegun = false;
  #onChunk: (bytes: Buffer) => void = () => {};
  #isOpen = false;
  #isStarted = false;
  #isOver = false;
  /** While it is read. */
  #reader: FrameReader | undefined;
  readonly #share: MessageShare;
  /** A line of the answer has begun and is not over: its message goes on in the next frame. */
  #isWithinLine = false;

  constructor(
    request: IncomingMessage,
    head: Buffer,
    certificateName: string | undefined,
    memory: MessageMemory,
  ) {
    this.#request = request;
    this.#socket = request.socket;
    this.#head = head;
    this.#share = memory.enter(remoteHostOf(this.#socket), () =>
      this.#close(CloseCode.TRY_AGAIN_LATER),
    );
    this.#socket.on("close", () => this.#share.leave());
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(this.#socket);
    response.on("finish", () => this.#socket.end());
    this.#plain = new Http1Exchange(request, response, certificateName);
  }

  get target(): string {
    return this.#plain.target;
  }

  get remote(): string {
    return this.#plain.remote;
  }

  get isEncrypted(): boolean {
    return this.#plain.isEncrypted;
  }

  get certificateName(): string | undefined {
    return this.#plain.certificateName;
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get backlogBytes(): number {
    return this.#socket.writableLength;
  }

  get headerPairs(): readonly string[] {
    const pairs = this.#plain.headerPairs;
    const kept: string[] = [];
    for (let at = 0; at < pairs.length; at += 2) {
      const [name = "", value = ""] = pairs.slice(at, at + 2);
      if (FORWARDED.has(name)) kept.push(name, value);
    }
    const token = this.#token();
    return token === undefined ? kept : [...kept, "authorization", token];
  }

  header(name: string): string | undefined {
    return this.#isOpen ? undefined : this.#plain.header(name);
  }

  setHeader(name: string, value: string): void {
    this.#plain.setHeader(name, value);
  }

  /** Shakes hands. False when the client did not: it has been told. */
  open(): boolean {
    const { method, headers } = this.#request;
    const key = headers["sec-websocket-key"] ?? "";
    if (method !== "GET") return this.#refuse(405, "Method Not Allowed");
    const isKey = Buffer.from(key, "base64").length === 16;
    if (headers["sec-websocket-version"] !== VERSION || !isKey) {
      return this.#refuse(400, "Bad Request");
    }
    const accept = createHash("sha1")
      .update(key + KEY_SUFFIX)
      .digest("base64");
    const isBearer = headers["sec-websocket-protocol"]?.startsWith("Bearer") === true;
    const protocol = isBearer ? "Sec-WebSocket-Protocol: Bearer\r\n" : "";
    this.#isOpen = true;
    this.#socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${accept}\r\n${protocol}\r\n`,
    );
    this.#socket.on("drain", () => this.onDrain?.());
    this.#socket.on("close", () => this.#gone());
    return true;
  }

  /** A WebSocket has no end of its requests but its own. */
  readBody(onChunk: (bytes: Buffer) => void): void {
    const isFirst = !this.#isStarted && this.#socket.listenerCount("data") === 0;
    this.#onChunk = onChunk;
    if (!isFirst) return;
    this.#reader = new FrameReader(
      {
        message: (bytes) => {
          this.isBegun = true;
          this.#onChunk(Buffer.concat([bytes, Buffer.from("\n")]));
        },
        ping: (payload) => this.#pong(payload),
        close: () => this.#close(CloseCode.NORMAL),
      },
      MESSAGE_BYTES_MAX,
    );
    this.#socket.on("data", (bytes: Buffer) => this.#read(bytes));
    if (this.#head.length > 0) this.#read(this.#head);
    this.#socket.resume();
  }

  reply(reply: Reply): void {
    if (!this.#isOpen) return this.#plain.reply(reply);
    this.write(`${reply.body.toString()}\n`);
    this.end();
  }

  start(_status: number, _headers: Headers): void {
    this.#isStarted = true;
  }

  write(text: string): void {
    if (this.#isOver) return;
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      this.#part(text.slice(from, end), true);
      from = end + 1;
    }
    if (from < text.length) this.#part(text.slice(from), false);
  }

  end(): void {
    this.write("\n");
    this.#close(CloseCode.NORMAL);
  }

  abort(): void {
    this.#close(CloseCode.INTERNAL_ERROR);
  }

  #read(bytes: Buffer): void {
    try {
      this.#reader?.read(bytes);
      this.#share.hold(this.#reader?.heldBytes ?? 0);
    } catch (thrown) {
      if (!(thrown instanceof WebSocketError)) throw thrown;
      this.#close(thrown.code);
    }
  }

  /** Nothing of a line is kept until the rest is there, however long it may become. */
  #part(text: string, isLast: boolean): void {
    const isFirst = !this.#isWithinLine;
    if (isFirst && isLast && text === "") return;
    this.#socket.write(textFrame(text, { isFirst, isLast }));
    this.#isWithinLine = !isLast;
  }

  /** Who does not read gets no more of them; the last one answers all before it. */
  #pong(payload: Buffer): void {
    if (this.backlogBytes <= PONG_BACKLOG_BYTES_MAX) this.#socket.write(pongFrame(payload));
  }

  #refuse(status: number, text: string): false {
    this.#plain.reply(plainError(status, text, { "Sec-Websocket-Version": VERSION }));
    return false;
  }

  #close(code: CloseCode): void {
    if (this.#isOver) return;
    this.#socket.end(closeFrame(code));
    this.#gone();
  }

  #gone(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reader = undefined;
    this.#share.leave();
    this.#onChunk = () => {};
    this.onGone?.();
  }

  /** A browser cannot set the header Authorization, so it comes as protocol or cookie. */
  #token(): string | undefined {
    const { "sec-websocket-protocol": protocol, cookie = "" } = this.#request.headers;
    const fromCookie = TOKEN_COOKIE.exec(cookie)?.[1];
    if (fromCookie !== undefined) return `Bearer ${fromCookie}`;
    const [, fromProtocol] = protocol?.split(/Bearer,(.*)/s) ?? [];
    return fromProtocol === undefined ? undefined : `Bearer ${fromProtocol.trim()}`;
  }
}
