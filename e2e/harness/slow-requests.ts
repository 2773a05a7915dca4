// What those say who are long in saying it.
import { PREFACE } from "../../server/http2/protocol.ts";
import { dataFrame, openedCall, SETTINGS } from "./http2-bytes.ts";

/** All but the end of it is said at once. */
export const SLOWLY = { last: 100, everyMs: 300 };

export function http(start: string, headers: readonly string[] = []): Buffer {
  const head = [start, "Host: a", ...headers, "X-Slow: "].join("\r\n");
  return Buffer.from(head + "a".repeat(SLOWLY.last));
}

export function httpBody(start: string, headers: readonly string[] = []): Buffer {
  const head = [start, "Host: a", "Content-Length: 5000", ...headers, "", ""].join("\r\n");
  return Buffer.from(head + " ".repeat(SLOWLY.last + 1));
}

/** A frame whose last bytes are long in coming, and whose rest never comes. */
export function half(whole: Buffer): Buffer {
  return Buffer.concat([PREFACE, SETTINGS, whole.subarray(0, whole.length - 1)]);
}

/** A DATA frame for each byte. */
export function bytewise(bytes: Buffer): Buffer[] {
  return [...bytes].map((byte) => dataFrame(Buffer.from([byte])));
}

/** Calls of gRPC whose beginnings, headers or bodies never come to an end. */
export function halfCalls(): Buffer[] {
  return [
    Buffer.concat([PREFACE, SETTINGS]),
    half(openedCall(1, { "x-slow": "a".repeat(100) })),
    half(Buffer.concat([openedCall(), dataFrame(Buffer.alloc(1_000))])),
    half(Buffer.concat([openedCall(), ...bytewise(Buffer.from([0, 0, 0, 3, 232]))])),
  ];
}

/** Requests to the client port, likewise. */
export function halfRequests(): Buffer[] {
  return [
    http("GET /health HTTP/1.1"),
    http("GET /v3/watch HTTP/1.1", ["Connection: Upgrade", "Upgrade: websocket"]),
    httpBody("POST /v3/kv/put HTTP/1.1"),
  ];
}
