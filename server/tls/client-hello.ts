// What a client says first. To answer it costs a signature, to wait for the rest of it nothing: so
// nobody's first message is given to the library before it is whole.
//
//     record       type u8 (22: handshake) │ version u16 │ length u16 │ …
//     message      type u8 (1: ClientHello) │ length u24 │ …            over any number of records
import type { Socket } from "node:net";

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const RECORD_HEAD_BYTES = 5;
const MESSAGE_HEAD_BYTES = 4;
/** No honest one comes near it; a longer one is left to the library. */
const HELLO_BYTES_MAX = 16 * 1024;

/**
 * Calls back once the first message is whole, or can be none; it is given back to the socket, which
 * is paused. Never when the socket closes before.
 */
export function awaitHello(socket: Socket, arrived: () => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const read = (chunk: Buffer): void => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    if (!isDecided(seen)) return;
    socket.off("data", read);
    socket.pause();
    socket.unshift(seen);
    arrived();
  };
  socket.on("data", read);
  // Whoever looked at its first bytes before has paused it.
  socket.resume();
}

/** The first message of a handshake is whole, or this is the beginning of none. */
function isDecided(bytes: Buffer): boolean {
  if (bytes.length > HELLO_BYTES_MAX) return true;
  let messageBytes: number | undefined;
  let haveBytes = 0;
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== HANDSHAKE_RECORD) return true;
    if (at + RECORD_HEAD_BYTES > bytes.length) return false;
    const start = at + RECORD_HEAD_BYTES;
    const length = bytes.readUInt16BE(at + 3);
    if (messageBytes === undefined) {
      if (length < MESSAGE_HEAD_BYTES) return true;
      if (start + MESSAGE_HEAD_BYTES > bytes.length) return false;
      if (bytes[start] !== CLIENT_HELLO) return true;
      messageBytes = MESSAGE_HEAD_BYTES + bytes.readUIntBE(start + 1, 3);
    }
    haveBytes += Math.min(length, bytes.length - start);
    if (haveBytes >= messageBytes) return true;
    at = start + length;
  }
  return false;
}
