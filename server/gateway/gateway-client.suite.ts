import { type AddressInfo, connect, type Socket } from "node:net";
import { MovableClock } from "../http2/raw-peer.suite.ts";
import type { Exchange } from "./exchange.ts";
import { Gateway } from "./gateway.ts";

/** The lines of a request that asks for a WebSocket, behind its first line and its host. */
export const WEB_SOCKET =
  "Connection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
export const OPENING = `GET /v3/watch HTTP/1.1\r\nHost: member\r\n${WEB_SOCKET}`;

/** Gateways and clients that a test has begun. */
export class OpenedGateways {
  #stops: (() => void)[] = [];

  /** A gateway that serves so, and a client that is connected to it. */
  readonly connected = async (
    serve: (exchange: Exchange) => void,
  ): Promise<{ socket: Socket; clock: MovableClock }> => {
    const clock = new MovableClock();
    const gateway = new Gateway({ clock, serve, connectionsMax: 10 });
    const { port }: AddressInfo = await gateway.listen({ host: "127.0.0.1", port: 0 });
    const socket = connect(port, "127.0.0.1");
    this.#stops.push(
      () => socket.destroy(),
      () => gateway.close(),
    );
    socket.on("error", () => {});
    return { socket, clock };
  };

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
