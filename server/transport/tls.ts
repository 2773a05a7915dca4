import type { Socket } from "node:net";

export type Destination = (
  | { readonly host: string; readonly port: number }
  | { readonly socketPath: string }
) & {
  /** The connection emits `timeout` whenever it has rested for so many milliseconds. */
  readonly timeout?: number;
};

/**
 * A connection to a peer, its handshake still to come.
 * @throws when this member's own certificate cannot be read
 */
export type TlsDial = (destination: Destination) => Socket;

/** How https URLs of peers are reached, and served. */
export interface TransportTls {
  readonly dial: TlsDial;
  /** Absent where no URL to listen on is https. */
  readonly acceptor?: TlsHandshakes | undefined;
}

export interface TlsHandshakes {
  /** Hands the connection of a peer over once it may be served; otherwise it ends. */
  accept(socket: Socket, accepted: (socket: Socket) => void): void;
  /** Ends those that have not been handed over. */
  close(): void;
}
