const KIB = 1024;
const MIB = 1024 * KIB;

/** Everything a peer can make the server hold or do, with its bound. */
export interface Http2Limits {
  /**
   * Beyond it one goes that waits for its peer, first of all one that has never asked for anything;
   * the new one, where none waits.
   */
  readonly connectionsMax: number;
  /** Open streams on one connection; more are refused. Announced in SETTINGS. */
  readonly streamsMax: number;
  /** Decoded size of a request's headers as HTTP/2 counts it. Announced in SETTINGS. */
  readonly headerListBytesMax: number;
  /** Encoded size of a header block over all of its frames, and how many those may be. */
  readonly headerBlockBytesMax: number;
  readonly continuationFramesMax: number;
  /** What a peer may send on all streams before we say that we have read; streams limit it more. */
  readonly connectionWindow: number;
  /** A gRPC message without its head. */
  readonly messageBytesMax: number;
  /** What a connection's compressed messages may unpack to in one turn; more wait for the next. */
  readonly unpackedBytesPerTurn: number;
  /** Window that a connection hands out ahead of need for messages longer than a stream's window. */
  readonly grantedBytesMax: number;
  /** Bytes buffered for one connection, unfinished messages and unread answers together. */
  readonly heldBytesPerConnectionMax: number;
  /** The same over all connections. */
  readonly heldBytesMax: number;
  /** Unread answers from which on new calls of that connection wait until it has read. */
  readonly unreadBytesPause: number;
  /** Ordinary requests, and calls that waited, which one connection has begun in a turn. */
  readonly startsPerTurn: number;
  /** Waiting answers that one connection is sent in a turn, in bytes; the rest in later ones. */
  readonly sentBytesPerTurn: number;
  /** Bytes handed to the socket and not yet taken by the kernel before DATA waits in its stream. */
  readonly socketBytesMax: number;
  /** The same before a peer that makes us answer but never reads is cut off. */
  readonly socketBytesFatal: number;
  /** Frames that carry nothing (PRIORITY, SETTINGS, empty DATA, spare WINDOW_UPDATE, unknown). */
  readonly idleFramesBurst: number;
  readonly idleFramesPerSecond: number;
  /** Streams that the peer resets, were they over by then or not. */
  readonly resetsBurst: number;
  readonly resetsPerSecond: number;
  /** From the first byte to the end of the preface and the first SETTINGS. */
  readonly prefaceMs: number;
  /** From HEADERS to END_HEADERS. */
  readonly headerBlockMs: number;
  /** A connection that is told to go has this long to read why. */
  readonly farewellMs: number;
  /** Client pings closer than this are counted, etcd's --grpc-keepalive-min-time. */
  readonly pingIntervalMinMs: number;
  /** A silent peer is pinged after this long, etcd's --grpc-keepalive-interval … */
  readonly keepaliveIntervalMs: number;
  /** … and cut off after this much longer, etcd's --grpc-keepalive-timeout. */
  readonly keepaliveTimeoutMs: number;
}

export const DEFAULT_LIMITS: Http2Limits = {
  connectionsMax: 10_000,
  streamsMax: 16_384,
  headerListBytesMax: 64 * KIB,
  headerBlockBytesMax: 128 * KIB,
  continuationFramesMax: 32,
  connectionWindow: 1024 * MIB,
  messageBytesMax: 2 * MIB,
  unpackedBytesPerTurn: MIB,
  grantedBytesMax: 64 * MIB,
  heldBytesPerConnectionMax: 1024 * MIB,
  heldBytesMax: 2048 * MIB,
  unreadBytesPause: 16 * MIB,
  startsPerTurn: 32,
  sentBytesPerTurn: MIB,
  socketBytesMax: 256 * KIB,
  socketBytesFatal: 8 * MIB,
  idleFramesBurst: 10_000,
  idleFramesPerSecond: 1_000,
  // More than there can be streams: a client may end them all at once.
  resetsBurst: 20_000,
  resetsPerSecond: 1_000,
  prefaceMs: 10_000,
  headerBlockMs: 10_000,
  farewellMs: 2_000,
  pingIntervalMinMs: 5_000,
  keepaliveIntervalMs: 7_200_000,
  keepaliveTimeoutMs: 20_000,
};
