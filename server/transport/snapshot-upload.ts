// A whole database to a peer: 8 bytes of length, the SNAPSHOT message of that length, then the
// database to the end of the body.
import type { ClientRequest, IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import { AwakeTimeout } from "../base/awake-timeout.ts";
import type { Clock } from "../base/clock.ts";
import { messageSize, writeMessage } from "../proto/codec.ts";
import type { Message } from "../raft/message.ts";
import { writeLength } from "./frames.ts";
import { limitRest, openRequest, readBody } from "./peer-request.ts";
import type { TlsDial } from "./tls.ts";
import type { DatabaseSource } from "./transport.ts";

/** Neither side may rest for longer; the peer syncs the database to its disk within it. */
const STALL_MS = 120_000;
/** Until the connection stands, handshake and all. */
const DIAL_MS = 10_000;
const ANSWER_BYTES_MAX = 4096;
const UPLOADS_MAX = 16;

export interface SnapshotTarget {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly dialTls?: TlsDial | undefined;
}

/** The databases on their way out. */
export class SnapshotUploads {
  readonly #clock: Clock;
  readonly #requests = new Set<ClientRequest>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Breaks off whatever is under way. */
  stop(): void {
    for (const request of this.#requests) request.destroy(new Error("transport stopped"));
  }

  /** Resolves once the peer has the snapshot. @returns bytes sent */
  async upload(
    target: SnapshotTarget,
    message: Message,
    blob: Buffer,
    database: DatabaseSource,
  ): Promise<number> {
    if (this.#requests.size >= UPLOADS_MAX) throw new Error("too many snapshots under way");
    const head = Buffer.allocUnsafe(8 + messageSize(message, blob));
    writeMessage(head, writeLength(head, 0, head.length - 8), message, blob);
    const totalBytes = head.length + database.totalBytes;
    const request = openRequest(target.url, {
      method: "POST",
      path: "/raft/snapshot",
      headers: {
        ...target.headers,
        "Content-Type": "application/octet-stream",
        "Content-Length": totalBytes,
      },
      idleMs: STALL_MS,
      dialTls: target.dialTls,
    });
    this.#requests.add(request);
    const answered = answerOf(request, this.#clock);
    try {
      await Promise.race([answered, writeAll(request, head, database)]);
      const response = await answered;
      const body = await readBody(response, ANSWER_BYTES_MAX);
      if (response.statusCode === 204) return totalBytes;
      throw new Error(`${response.statusCode} ${body.toString().trim()}`);
    } finally {
      this.#requests.delete(request);
      request.destroy();
    }
  }
}

function answerOf(request: ClientRequest, clock: Clock): Promise<IncomingMessage> {
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    limitDial(request, clock);
    limitRest(request, clock);
    request.on("response", resolve);
    request.on("error", reject);
    request.on("close", () => reject(new Error("connection closed")));
  });
  // Whoever waits for the writing hears of it later; until then nobody listens.
  answered.catch(() => undefined);
  return answered;
}

function limitDial(request: ClientRequest, clock: Clock): void {
  const giveUp = () => request.destroy(new Error("dial timeout"));
  const patience = new AwakeTimeout(clock, DIAL_MS, giveUp);
  request.on("socket", (socket) => {
    const stands = socket instanceof TLSSocket ? "secureConnect" : "connect";
    socket.once(stands, () => patience.cancel());
  });
  request.on("close", () => patience.cancel());
}

async function writeAll(
  request: ClientRequest,
  head: Buffer,
  database: DatabaseSource,
): Promise<void> {
  let written = 0;
  await writeChunk(request, head);
  for await (const chunk of database.chunks()) {
    if (request.destroyed || request.writableFinished) return;
    written += chunk.length;
    if (written > database.totalBytes) break;
    await writeChunk(request, chunk);
  }
  if (written !== database.totalBytes) {
    throw new Error(`database of ${database.totalBytes} bytes gave ${written}`);
  }
  request.end();
}

function writeChunk(request: ClientRequest, chunk: Buffer): Promise<void> {
  if (request.write(chunk) || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      request.off("drain", done);
      request.off("close", done);
      resolve();
    };
    request.on("drain", done);
    request.on("close", done);
  });
}
