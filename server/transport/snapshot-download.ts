// The other end of a snapshot upload: the message is read as a whole, the database as it comes.
import { decodeMessage } from "../proto/codec.ts";
import { WireError } from "../proto/wire.ts";
import type { Message } from "../raft/message.ts";
import { FrameInput } from "./frame-input.ts";

/** The message with its list of members, without the database. */
const SNAPSHOT_MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

export interface SnapshotDownload {
  /** `undefined`: readable, but of a type that this member does not know. */
  readonly message: Message | undefined;
  /** Ends with the body; throws when the sender breaks off. To be iterated once. */
  readonly database: AsyncIterable<Buffer>;
}

/** @throws WireError when the message is none; whatever broke the connection */
export async function openSnapshot(body: AsyncIterable<Buffer>): Promise<SnapshotDownload> {
  const input = new FrameInput();
  const source = body[Symbol.asyncIterator]();
  const more = async () => {
    const next = await source.next();
    if (next.done === true) throw new WireError("unexpected EOF");
    input.push(next.value);
  };
  while (input.available < 8) await more();
  const length = input.takeUint64() ?? 0;
  if (length > SNAPSHOT_MESSAGE_BYTES_MAX) throw new WireError("message too long");
  while (input.available < length) await more();
  const message = decodeMessage(input.take(length) ?? Buffer.alloc(0));
  const rest = input.drain();
  async function* database(): AsyncIterable<Buffer> {
    for (const chunk of rest) if (chunk.length > 0) yield chunk;
    for (let next = await source.next(); next.done !== true; next = await source.next()) {
      yield next.value;
    }
  }
  return { message, database: database() };
}
