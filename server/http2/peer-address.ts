import { isIPv6, type Socket } from "node:net";

/** The peer's address as Go writes it: `10.0.0.7:51234`, `[::1]:51234`. */
export function remoteAddressOf(socket: Socket): string {
  const { remoteAddress = "", remotePort = 0 } = socket;
  return `${isIPv6(remoteAddress) ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`;
}

/** Its host alone: all connections of one count together when memory runs out. */
export function remoteHostOf(socket: Socket): string {
  return socket.remoteAddress ?? "";
}
