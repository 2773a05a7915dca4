// Many watch streams on few connections, and as little work as possible for what they receive: a
// client library would be the bottleneck. HTTP/2 frames are read by hand, of each WatchResponse only
// the tags on its top level.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { WatchRequest } from "../../server/proto/gen/rpc.ts";
import { WireReader } from "../../server/proto/wire.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const FRAME_HEAD = 9;
const MESSAGE_HEAD = 5;
const Type = { DATA: 0, HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, PING: 6, GOAWAY: 7, WINDOW: 8 };
const END_HEADERS = 4;
const ACK = 1;
const WINDOW_MAX = 0x7fff_ffff;
const INITIAL_WINDOW_DEFAULT = 65_535;
const SETTING_INITIAL_WINDOW = 4;
/** Of WatchResponse: field 3 `created`, field 11 `events`. */
const CREATED = 0x18;
const EVENTS = 0x5a;

/** Streams that all watch one key, over plain TCP. */
export class Watchers {
  readonly #connections: WatchConnection[];
  readonly #counts: WatchCounts;

  private constructor(connections: WatchConnection[], counts: WatchCounts) {
    this.#connections = connections;
    this.#counts = counts;
  }

  /** Resolves when every watch is confirmed. */
  static async open(
    clientUrl: string,
    key: Buffer,
    streams: number,
    connections: number,
  ): Promise<Watchers> {
    const counts = new WatchCounts();
    const { hostname, port } = new URL(clientUrl);
    const opened: WatchConnection[] = [];
    for (let at = 0; at < connections; at++) {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      await once(socket, "connect");
      const connection = new WatchConnection(socket, counts);
      const share = Math.ceil((streams - at) / connections);
      for (let n = 0; n < share; n++) connection.watch(key);
      opened.push(connection);
    }
    await counts.reached("created", streams);
    return new Watchers(opened, counts);
  }

  /** Resolves when all streams together have received so many events since they were opened. */
  received(events: number): Promise<void> {
    return this.#counts.reached("events", events);
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }
}

class WatchCounts {
  created = 0;
  events = 0;
  #goal: { what: "created" | "events"; count: number; done: () => void } | undefined;
  readonly #failed = Promise.withResolvers<never>();

  constructor() {
    // It is told to whoever waits, now or later.
    this.#failed.promise.catch(() => undefined);
  }

  /** Rejects when a connection or a stream has ended. */
  reached(what: "created" | "events", count: number): Promise<void> {
    const reached = new Promise<void>((resolve) => {
      this.#goal = { what, count, done: resolve };
      this.check();
    });
    return Promise.race([reached, this.#failed.promise]);
  }

  check(): void {
    const goal = this.#goal;
    if (goal === undefined || this[goal.what] < goal.count) return;
    this.#goal = undefined;
    goal.done();
  }

  fail(error: Error): void {
    this.#failed.reject(error);
  }
}

class WatchConnection {
  readonly #socket: Socket;
  readonly #counts: WatchCounts;
  readonly #headers: Buffer;
  /** A frame of which a part is here. */
  #rest: Buffer = Buffer.alloc(0);
  /** By stream: a message of which a part is here. */
  readonly #partial = new Map<number, Buffer>();
  #nextStream = 1;
  #isClosing = false;

  constructor(socket: Socket, counts: WatchCounts) {
    this.#socket = socket;
    this.#counts = counts;
    this.#headers = Buffer.concat(
      [
        [":method", "POST"],
        [":scheme", "http"],
        [":path", "/etcdserverpb.Watch/Watch"],
        [":authority", "bench"],
        ["content-type", "application/grpc"],
        ["te", "trailers"],
      ].map(([name, value]) => plainHeader(name ?? "", value ?? "")),
    );
    const window = Buffer.alloc(6);
    window.writeUInt16BE(SETTING_INITIAL_WINDOW);
    window.writeUInt32BE(WINDOW_MAX, 2);
    const increment = Buffer.alloc(4);
    increment.writeUInt32BE(WINDOW_MAX - INITIAL_WINDOW_DEFAULT);
    socket.write(PREFACE);
    this.#send(Type.SETTINGS, 0, 0, window);
    this.#send(Type.WINDOW, 0, 0, increment);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", (error) => counts.fail(error));
    socket.on("close", () => {
      if (!this.#isClosing) counts.fail(new Error("the server closed a connection of watchers"));
    });
  }

  watch(key: Buffer): void {
    const id = this.#nextStream;
    this.#nextStream += 2;
    const request = WatchRequest.encode(
      WatchRequest.fromPartial({ createRequest: { key } }),
    ).finish();
    const message = Buffer.alloc(MESSAGE_HEAD + request.length);
    message.writeUInt32BE(request.length, 1);
    message.set(request, MESSAGE_HEAD);
    this.#send(Type.HEADERS, END_HEADERS, id, this.#headers);
    this.#send(Type.DATA, 0, id, message);
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  #send(type: number, flags: number, id: number, payload: Buffer): void {
    const head = Buffer.alloc(FRAME_HEAD);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(id, 5);
    this.#socket.write(Buffer.concat([head, payload]));
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at + FRAME_HEAD <= bytes.length) {
      const end = at + FRAME_HEAD + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      this.#frame(bytes, at, end);
      at = end;
    }
    this.#rest = bytes.subarray(at);
    this.#counts.check();
  }

  #frame(bytes: Buffer, at: number, end: number): void {
    const [type, flags, id] = [bytes[at + 3], bytes[at + 4] ?? 0, bytes.readUInt32BE(at + 5)];
    const payload = bytes.subarray(at + FRAME_HEAD, end);
    if (type === Type.DATA) this.#data(id, payload);
    else if (type === Type.SETTINGS && (flags & ACK) === 0) {
      this.#send(Type.SETTINGS, ACK, 0, Buffer.alloc(0));
    } else if (type === Type.PING && (flags & ACK) === 0) this.#send(Type.PING, ACK, 0, payload);
    else if (type === Type.RST_STREAM || type === Type.GOAWAY) {
      this.#counts.fail(new Error("the server ended a watch stream"));
    }
  }

  #data(id: number, payload: Buffer): void {
    const before = this.#partial.get(id);
    const bytes = before === undefined ? payload : Buffer.concat([before, payload]);
    let at = 0;
    while (at + MESSAGE_HEAD <= bytes.length) {
      const end = at + MESSAGE_HEAD + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      this.#response(bytes.subarray(at + MESSAGE_HEAD, end));
      at = end;
    }
    if (at < bytes.length) this.#partial.set(id, Buffer.from(bytes.subarray(at)));
    else if (before !== undefined) this.#partial.delete(id);
  }

  #response(bytes: Buffer): void {
    const reader = new WireReader(bytes);
    while (!reader.isAtEnd) {
      const tag = reader.tag();
      if (tag === EVENTS) this.#counts.events++;
      else if (tag === CREATED) this.#counts.created++;
      reader.skip(tag);
    }
  }
}

/** A header that neither side puts into a table. */
function plainHeader(name: string, value: string): Buffer {
  const texts = [Buffer.from(name), Buffer.from(value)];
  return Buffer.concat([
    Buffer.from([0]),
    ...texts.flatMap((text) => [Buffer.from([text.length]), text]),
  ]);
}
