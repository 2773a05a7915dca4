import type { Http2Limits } from "./limits.ts";
import {
  ConnectionError,
  ErrorCode,
  FRAME_PAYLOAD_BYTES_MAX,
  Setting,
  WINDOW_DEFAULT,
  WINDOW_MAX,
} from "./protocol.ts";

const ENTRY_BYTES = 6;
const FRAME_SIZE_MAX = 0xff_ffff;

/** What the peer has said of itself in SETTINGS, as far as it concerns us. */
export class PeerSettings {
  /** The send window that a new stream starts with. */
  initialWindow: number = WINDOW_DEFAULT;
  headerTableBytes = 4096;
  isReceived = false;

  /** Takes over a frame's entries; the last of each kind counts. */
  read(bytes: Buffer, start: number, end: number): void {
    if ((end - start) % ENTRY_BYTES !== 0) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS of a broken length");
    }
    this.isReceived = true;
    for (let at = start; at < end; at += ENTRY_BYTES) {
      this.#apply(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
    }
  }

  #apply(setting: number, value: number): void {
    if (setting === Setting.INITIAL_WINDOW_SIZE) {
      if (value > WINDOW_MAX) {
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "an initial window above 2^31 - 1");
      }
      this.initialWindow = value;
    } else if (setting === Setting.HEADER_TABLE_SIZE) {
      this.headerTableBytes = value;
    } else if (setting === Setting.MAX_FRAME_SIZE) {
      // Ours are never larger than what every peer must accept.
      if (value < FRAME_PAYLOAD_BYTES_MAX || value > FRAME_SIZE_MAX) {
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "a frame size out of range");
      }
    }
  }
}

/** The payload of our own SETTINGS; what is not in it stays at HTTP/2's default. */
export function ownSettings(limits: Http2Limits): Buffer {
  const entries: [number, number][] = [
    [Setting.MAX_CONCURRENT_STREAMS, limits.streamsMax],
    [Setting.MAX_HEADER_LIST_SIZE, limits.headerListBytesMax],
  ];
  const bytes = Buffer.alloc(entries.length * ENTRY_BYTES);
  for (const [index, [setting, value]] of entries.entries()) {
    bytes.writeUInt16BE(setting, index * ENTRY_BYTES);
    bytes.writeUInt32BE(value, index * ENTRY_BYTES + 2);
  }
  return bytes;
}
