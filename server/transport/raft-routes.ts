// The routes that carry raft: streams that peers open, single messages, snapshots, probes.
import type { Socket } from "node:net";
import { AssertionError } from "../base/assert.ts";
import { BytePool } from "../base/byte-pool.ts";
import { hexId } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { readPeerUrl } from "../base/peer-url.ts";
import { decodeEnvelope, decodeMessage } from "../proto/codec.ts";
import { WireError } from "../proto/wire.ts";
import { type Message, MessageType } from "../raft/message.ts";
import { STREAM_KINDS, type StreamKind } from "./frames.ts";
import { type Identity, parseId, type Refusal, refusalOf } from "./identity.ts";
import { BodyTooLargeError, readBody } from "./peer-request.ts";
import { type Exchange, header, isMethod, refuse, reply } from "./reply.ts";
import type { SnapshotCounts } from "./snapshot-counts.ts";
import { openSnapshot } from "./snapshot-download.ts";
import { type SnapshotSlot, SnapshotSlots } from "./snapshot-slots.ts";
import type { PeerAddress } from "./transport.ts";

/** One message by POST: etcd's batches are 1 MiB, a single request may be larger. */
const POST_BYTES_MAX = 64 * 1024 * 1024;
/** All that are being read together: peers post only until their streams are open. */
const POSTS_BYTES_MAX = 2 * POST_BYTES_MAX;

const REMOVED: Refusal = { status: 410, text: "removed member" };

/** What the routes need of the transport. */
export interface RaftRoutesOptions {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly log: Log;
  readonly isRemoved: (id: bigint) => boolean;
  readonly isPeer: (id: bigint) => boolean;
  readonly attach: (id: bigint, kind: StreamKind, socket: Socket) => void;
  /** Somebody unknown who says where it can be answered. */
  readonly strange: (remote: PeerAddress) => void;
  readonly message: (message: Message) => void;
  readonly received: (from: bigint, byteCount: number) => void;
  /** A body that is no message. */
  readonly unreadable: (from: bigint) => void;
  /** Where the snapshots of this sender are counted, if it is known. */
  readonly snapshotCounts: (from: bigint) => SnapshotCounts | undefined;
  readonly snapshotArrived: (message: Message, database: AsyncIterable<Buffer>) => Promise<void>;
}

export class RaftRoutes {
  readonly #options: RaftRoutesOptions;
  readonly #posts = new BytePool(POSTS_BYTES_MAX);
  readonly #slots: SnapshotSlots;

  constructor(options: RaftRoutesOptions) {
    this.#options = options;
    this.#slots = new SnapshotSlots(options.clock);
  }

  probe(exchange: Exchange): void {
    const now = new Date(this.#options.clock.now()).toISOString();
    reply(exchange, 200, `{"OK":true,"Now":"${now}"}\n`, "text/plain; charset=utf-8");
  }

  stream(exchange: Exchange): void {
    const { identity, isRemoved, isPeer, attach, strange } = this.#options;
    const { request, response } = exchange;
    if (!isMethod(exchange, "GET")) return;
    response.setHeader("X-Server-Version", identity.serverVersion);
    const refusal = refusalOf(request.headers, identity);
    if (refusal !== undefined) {
      refuse(exchange, refusal);
      return;
    }
    const [kindText, fromText, ...more] = exchange.path.slice("/raft/stream/".length).split("/");
    const kind = STREAM_KINDS.find((known) => known === kindText);
    const from = parseId(fromText);
    if (kind === undefined || more.length > 0) {
      refuse(exchange, { status: 404, text: "invalid path" });
    } else if (from === undefined) refuse(exchange, { status: 404, text: "invalid from" });
    else if (isRemoved(from)) refuse(exchange, REMOVED);
    else if (!isPeer(from)) {
      const remote = remoteOf(exchange);
      if (remote?.id === from) strange(remote);
      refuse(exchange, { status: 404, text: "error sender not found" });
    } else if (header(exchange, "x-raft-to") !== hexId(identity.memberId)) {
      refuse(exchange, { status: 412, text: "to field mismatch" });
    } else {
      response.writeHead(200, { "Transfer-Encoding": "chunked" });
      response.flushHeaders();
      attach(from, kind, request.socket);
    }
  }

  async post(exchange: Exchange): Promise<void> {
    const { identity, received } = this.#options;
    const { request } = exchange;
    if (!isMethod(exchange, "POST") || !this.#isWelcome(exchange)) return;
    let bytes: Buffer;
    try {
      bytes = await readBody(request, POST_BYTES_MAX, this.#posts);
    } catch (error) {
      this.#countUnreadable(exchange);
      const status = error instanceof BodyTooLargeError ? 413 : 400;
      refuse(exchange, { status, text: "error reading raft message" });
      return;
    }
    const message = decoded(bytes);
    if (message === "unreadable") {
      this.#countUnreadable(exchange);
      refuse(exchange, { status: 400, text: "error unmarshalling raft message" });
      return;
    }
    if (message !== undefined) received(message.from, bytes.length);
    const refusal = this.#refusalOf(message ?? decodeEnvelope(bytes));
    if (refusal !== undefined) {
      refuse(exchange, refusal);
      return;
    }
    if (message !== undefined && message.type !== MessageType.SNAPSHOT) {
      this.#options.message(message);
    }
    exchange.response.setHeader("X-Etcd-Cluster-ID", hexId(identity.clusterId));
    exchange.response.writeHead(204).end();
  }

  async snapshot(exchange: Exchange): Promise<void> {
    if (!isMethod(exchange, "POST") || !this.#isWelcome(exchange)) return;
    const slot = this.#slots.enter(exchange.request);
    try {
      await this.#takeSnapshot(exchange, slot);
    } finally {
      this.#slots.leave(slot);
    }
  }

  async #takeSnapshot(exchange: Exchange, slot: SnapshotSlot): Promise<void> {
    const { log, received, snapshotArrived } = this.#options;
    async function* metered(): AsyncIterable<Buffer> {
      for await (const chunk of slot.request as AsyncIterable<Buffer>) {
        slot.receivedBytes += chunk.length;
        yield chunk;
      }
    }
    let message: Message | undefined;
    let database: AsyncIterable<Buffer>;
    try {
      ({ message, database } = await openSnapshot(metered()));
    } catch (error) {
      this.#countUnreadable(exchange);
      const text = `failed to decode raft message (${textOf(error)})`;
      refuse(exchange, { status: 400, text });
      return;
    }
    if (message?.type !== MessageType.SNAPSHOT) {
      refuse(exchange, { status: 400, text: "wrong raft message type" });
      return;
    }
    const refusal = this.#refusalOf(message);
    if (refusal !== undefined) {
      refuse(exchange, refusal);
      return;
    }
    const fields = {
      "local-member-id": hexId(this.#options.identity.memberId),
      "remote-snapshot-sender-id": hexId(message.from),
      "incoming-snapshot-index": message.snapshot?.index,
    };
    const counted = this.#options.snapshotCounts(message.from);
    counted?.begin();
    try {
      await snapshotArrived(message, database);
      counted?.end(true);
    } catch (error) {
      counted?.end(false);
      if (error instanceof AssertionError) throw error;
      log.warn("failed to save incoming database snapshot", { ...fields, error });
      refuse(exchange, { status: 500, text: `failed to save KV snapshot (${textOf(error)})` });
      return;
    }
    received(message.from, slot.receivedBytes);
    exchange.response.writeHead(204).end();
  }

  #countUnreadable(exchange: Exchange): void {
    const from = parseId(header(exchange, "x-server-from"));
    if (from !== undefined) this.#options.unreadable(from);
  }

  /** Headers of a POST; a sender nobody knows is remembered, so that it can be answered. */
  #isWelcome(exchange: Exchange): boolean {
    const { identity, isRemoved, strange } = this.#options;
    const refusal = refusalOf(exchange.request.headers, identity);
    if (refusal !== undefined) {
      refuse(exchange, refusal);
      return false;
    }
    const remote = remoteOf(exchange);
    if (remote !== undefined && !isRemoved(remote.id)) strange(remote);
    return true;
  }

  #refusalOf({ to, from }: Pick<Message, "to" | "from">): Refusal | undefined {
    if (this.#options.isRemoved(from)) {
      return { status: 403, text: "cannot process message from removed member" };
    }
    if (to === this.#options.identity.memberId) return undefined;
    return { status: 500, text: "error processing raft message" };
  }
}

/** Who asks and where it can be answered, if it says both readably. */
function remoteOf(exchange: Exchange): PeerAddress | undefined {
  const id = parseId(header(exchange, "x-server-from"));
  const given = header(exchange, "x-peerurls")?.split(",") ?? [];
  const urls = given.map(readPeerUrl).filter((url) => url !== undefined);
  if (id === undefined || id === 0n || urls.length === 0 || urls.length < given.length) {
    return undefined;
  }
  return { id, urls };
}

function decoded(bytes: Buffer): Message | undefined | "unreadable" {
  try {
    return decodeMessage(bytes);
  } catch (error) {
    if (error instanceof WireError) return "unreadable";
    throw error;
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
