import { type AddressInfo, connect, type Socket } from "node:net";
import { MovableClock } from "../http2/raw-peer.suite.ts";
import type { Exchange } from "./exchange.ts";
import { Gateway, type GatewayOptions } from "./gateway.ts";

/** The lines of a request that asks for a WebSocket, behind its first line and its host. */
export const WEB_SOCKET =
  "Connection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
export const OPENING = `GET /v3/watch HTTP/1.1\r\nHost: member\r\n${WEB_SOCKET}`;

interface Client {
  readonly socket: Socket;
  readonly clock: MovableClock;
}

/** Gateways and clients that a test has begun. */
export class OpenedGateways {
  #stops: (() => void)[] = [];

  /** A gateway that serves so, and a client that is connected to it. */
  readonly connected = async (serve: (exchange: Exchange) => void): Promise<Client> => {
    const [client] = await this.crowd(1, serve);
    return client as Client;
  };

  /** Several that are connected to the same one. */
  readonly crowd = async (
    size: number,
    serve: (exchange: Exchange) => void,
    more: Partial<GatewayOptions> = {},
  ): Promise<Client[]> => {
    const clock = new MovableClock();
    const gateway = new Gateway({ clock, serve, connectionsMax: 10, ...more });
    this.#stops.push(() => gateway.close());
    const { port }: AddressInfo = await gateway.listen({ host: "127.0.0.1", port: 0 });
    return Array.from({ length: size }, () => ({ socket: this.#connect(port), clock }));
  };

  #connect(port: number): Socket {
    const socket = connect(port, "127.0.0.1");
    this.#stops.push(() => socket.destroy());
    socket.on("error", () => {});
    return socket;
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }
}

/** What a client is told, as it comes, and whether its connection is closed. */
export function heard(socket: Socket): { text: string; isClosed: boolean } {
  const state = { text: "", isClosed: false };
  socket.on("data", (bytes: Buffer) => {
    state.text += bytes.toString("latin1");
  });
  socket.on("close", () => {
    state.isClosed = true;
  });
  return state;
}
