// A peer that says exactly what a test tells it to, and a server for it to say it to.
import { connect, type Socket } from "node:net";
import { type Cancel, SystemClock } from "../base/clock.ts";
import { SILENT_LOG } from "../base/log.ts";
import { Status } from "../errors.ts";
import type { CancelReason, GrpcCall, GrpcHandler } from "./grpc-call.ts";
import { GrpcServer } from "./grpc-server.ts";
import type { Http2Limits } from "./limits.ts";
import { Flag, FrameType, PREFACE } from "./protocol.ts";

/** The system's time, which a test can move forward. */
export class MovableClock extends SystemClock {
  readonly #periodic = new Set<() => void>();
  #offsetMs = 0;

  override monotonic(): number {
    return super.monotonic() + this.#offsetMs;
  }

  override every(periodMs: number, callback: () => void): Cancel {
    const stop = super.every(periodMs, callback);
    this.#periodic.add(callback);
    return () => {
      stop();
      this.#periodic.delete(callback);
    };
  }

  advance(ms: number): void {
    this.#offsetMs += ms;
    for (const callback of this.#periodic) callback();
  }
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, id: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** A gRPC message with its head. */
export function message(bytes: Uint8Array | string, flag = 0): Buffer {
  const body = Buffer.from(bytes as string);
  return Buffer.concat([Buffer.from([flag]), uint32(body.length), body]);
}

/** Literal fields, without Huffman code and without a table. */
export function block(fields: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of Object.entries(fields)) {
    parts.push(Buffer.from([0]), text(name), text(value));
  }
  return Buffer.concat(parts);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  const length = [bytes.length];
  if (bytes.length >= 127) {
    length[0] = 127;
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>>= 7) length.push((rest & 127) | 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}

export function requestFields(path: string, more: Readonly<Record<string, string>> = {}) {
  return {
    ":method": "POST",
    ":scheme": "http",
    ":path": path,
    ":authority": "a",
    "content-type": "application/grpc",
    te: "trailers",
    ...more,
  };
}

export const SETTINGS: Buffer = frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(0));
export const OPENING: Buffer = Buffer.concat([PREFACE, SETTINGS]);

export function headers(id: number, path: string, flags: number = Flag.END_HEADERS): Buffer {
  return frame(FrameType.HEADERS, flags, id, block(requestFields(path)));
}

export function data(id: number, payload: Uint8Array, flags = 0): Buffer {
  return frame(FrameType.DATA, flags, id, payload);
}

/** A whole unary request. */
export function unary(id: number, path: string, bytes: Uint8Array | string): Buffer {
  return Buffer.concat([headers(id, path), data(id, message(bytes), Flag.END_STREAM)]);
}

/**
 * `/echo` answers each message with itself and ends with the client; `/reply/N` answers the first
 * message with N bytes and ends; `/hold` never answers; `/fail` fails with NOT_FOUND, "näh";
 * `/throw` does what no handler may do.
 */
class TestApp {
  readonly calls: GrpcCall[] = [];
  readonly canceled: CancelReason[] = [];
  received = 0;
  messages = 0;

  readonly dispatch = (call: GrpcCall): GrpcHandler => {
    this.calls.push(call);
    const count = (bytes: Buffer) => {
      this.messages++;
      this.received += bytes.length;
    };
    const cancel = (reason: CancelReason) => this.canceled.push(reason);
    const handler: GrpcHandler = { message: count, halfClose() {}, cancel };
    if (call.path === "/echo") {
      handler.message = (bytes) => {
        count(bytes);
        call.send(bytes);
      };
      handler.halfClose = () => call.end();
    } else if (call.path === "/pieces") {
      handler.message = (bytes) => {
        count(bytes);
        call.sendPieces([bytes, Buffer.alloc(0), bytes]);
        call.end();
      };
    } else if (/^\/reply\/\d{1,7}$/.test(call.path)) {
      handler.message = (bytes) => {
        count(bytes);
        call.send(Buffer.alloc(Number(call.path.slice(7)), 0x61));
        call.end();
      };
    } else if (call.path === "/fail") handler.message = () => call.fail(Status.NOT_FOUND, "näh");
    else if (call.path === "/throw") {
      handler.message = () => {
        throw new Error("a bug of ours");
      };
    } else if (call.path !== "/hold")
      call.fail(Status.UNIMPLEMENTED, `unknown service ${call.path}`);
    return handler;
  };
}

export class RawPeer {
  readonly frames: Frame[] = [];
  readonly socket: Socket;
  isClosed = false;
  #rest: Buffer = Buffer.alloc(0);
  #waiting: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.setNoDelay(true);
    this.socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  write(...parts: Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** Waits until `found` says something of all frames so far; fails when the connection closes. */
  async until<T>(found: (frames: readonly Frame[]) => T | undefined | false): Promise<T> {
    for (;;) {
      const result = found(this.frames);
      if (result !== undefined && result !== false) return result;
      if (this.isClosed) throw new Error(`the connection closed; had ${describe(this.frames)}`);
      await this.#change();
    }
  }

  frame(type: number, id: number): Promise<Frame> {
    return this.until((frames) => frames.find((f) => f.type === type && f.id === id));
  }

  async closed(): Promise<void> {
    while (!this.isClosed) {
      await this.#change();
    }
  }

  /** The code and text of GOAWAY. */
  async goAway(): Promise<[number, string]> {
    const { payload } = await this.frame(FrameType.GOAWAY, 0);
    return [payload.readUInt32BE(4), payload.toString("utf8", 8)];
  }

  /** Waits for the stream's end; its trailers as text, and all of its DATA. */
  async answer(id: number): Promise<{ trailers: string; body: Buffer }> {
    const last = await this.until((frames) =>
      frames.find((f) => f.id === id && f.type === FrameType.HEADERS && f.flags & Flag.END_STREAM),
    );
    const bodies = this.frames.filter((f) => f.id === id && f.type === FrameType.DATA);
    const body = Buffer.concat(bodies.map((f) => f.payload));
    return { trailers: last.payload.toString("latin1"), body };
  }

  async resetCode(id: number): Promise<number> {
    return (await this.frame(FrameType.RST_STREAM, id)).payload.readUInt32BE(0);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #read(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (this.#rest.length - at >= 9) {
      const end = at + 9 + this.#rest.readUIntBE(at, 3);
      if (end > this.#rest.length) break;
      this.frames.push({
        type: this.#rest[at + 3] as number,
        flags: this.#rest[at + 4] as number,
        id: this.#rest.readUInt32BE(at + 5),
        payload: this.#rest.subarray(at + 9, end),
      });
      at = end;
    }
    this.#rest = this.#rest.subarray(at);
    this.#wake();
  }
}

function describe(frames: readonly Frame[]): string {
  return frames.map((f) => `${f.type}/${f.flags}@${f.id}:${f.payload.toString("hex")}`).join(" ");
}

/** The beds that a test has opened; to be closed behind each. */
export class OpenedBeds {
  readonly #opened: TestBed[] = [];

  /** The newest. */
  get last(): TestBed {
    const bed = this.#opened.at(-1);
    if (bed === undefined) throw new Error("no test bed is open");
    return bed;
  }

  /** A peer at a new bed. */
  readonly open = async (
    limits: Partial<Http2Limits> = {},
    opening?: Promise<void>,
  ): Promise<RawPeer> => {
    this.#opened.push(await TestBed.open(limits, opening));
    return this.last.peer();
  };

  async close(): Promise<void> {
    for (const bed of this.#opened.splice(0)) await bed.close();
  }
}

export class TestBed {
  readonly clock = new MovableClock();
  readonly app = new TestApp();
  readonly server: GrpcServer;
  /** What the server logged as an error: something that it did not foresee. */
  readonly errors: unknown[] = [];
  port = 0;
  readonly #peers: RawPeer[] = [];

  constructor(limits: Partial<Http2Limits> = {}, opening?: Promise<void>) {
    this.server = new GrpcServer({
      clock: this.clock,
      log: { ...SILENT_LOG, error: (text, fields) => this.errors.push([text, fields]) },
      dispatch: this.app.dispatch,
      acceptHttp1: (socket) => socket.destroy(),
      limits,
      opening,
    });
  }

  static async open(limits: Partial<Http2Limits> = {}, opening?: Promise<void>): Promise<TestBed> {
    const bed = new TestBed(limits, opening);
    bed.port = (await bed.server.listen("127.0.0.1", 0)).port;
    return bed;
  }

  /** A peer that has said its preface and SETTINGS. */
  peer(...first: Uint8Array[]): RawPeer {
    const peer = this.bare();
    peer.write(OPENING, ...first);
    return peer;
  }

  bare(): RawPeer {
    const peer = new RawPeer(this.port);
    this.#peers.push(peer);
    return peer;
  }

  async close(): Promise<void> {
    for (const peer of this.#peers) peer.socket.destroy();
    await this.server.stop(0);
  }
}
