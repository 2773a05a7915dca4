// What is said instead of an answer to what is no request, in the words of Go's server: with neither
// date nor length, and with reasons that Node's own responses have no way to say.
import type { Duplex } from "node:stream";
import type { Clock } from "./clock.ts";
import { parseTarget } from "./request-target.ts";

/** Go's: to close a connection while its client still sends may cost it what it was told. */
const FAREWELL_MS = 500;
const HOST = /^[\w!$%&'()*+,\-.:;=[\]~]*$/;
const CHUNKED = /^chunked$/i;
const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i;
/** The parser has one code for this and for encodings that it does not know. */
const ENCODING_AND_LENGTH = "Transfer-Encoding can't be present with Content-Length";
const NOTHING: Buffer = Buffer.alloc(0);

export const BAD_REQUEST: Buffer = refusal("400 Bad Request");
const NO_HOST = refusal("400 Bad Request: missing required Host header");
const BAD_HOST = refusal("400 Bad Request: malformed Host header");
const HEADERS_TOO_LARGE = refusal("431 Request Header Fields Too Large");
const UNKNOWN_ENCODING = refusal("501 Not Implemented", "Unsupported transfer encoding");
const UNKNOWN_VERSION = refusal("505 HTTP Version Not Supported: unsupported protocol version");
const UNKNOWN_EXPECTATION: Buffer = Buffer.from(
  "HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
);

/** A request whose head is here, as Node tells it. */
export interface RequestHead {
  readonly method?: string | undefined;
  readonly httpVersion: string;
  readonly url?: string | undefined;
  readonly headers: {
    readonly expect?: string | undefined;
    readonly "transfer-encoding"?: string | undefined;
  };
  readonly headersDistinct: { readonly [name: string]: readonly string[] | undefined };
}

/** What a request is refused with for its head alone, whatever it asks for. */
export function headRefusal(head: RequestHead): Buffer | undefined {
  const { method, httpVersion, url = "", headers, headersDistinct } = head;
  const { host: hosts = [] } = headersDistinct;
  const { expect, "transfer-encoding": encoding = "chunked" } = headers;
  // Asks about the server as a whole.
  const isTarget = parseTarget(url) !== undefined || (method === "OPTIONS" && url === "*");
  // A first line without a version counts as 0.9.
  if (httpVersion === "0.9" || !isTarget || hosts.length > 1) return BAD_REQUEST;
  if (httpVersion !== "1.0" && !CHUNKED.test(encoding)) return UNKNOWN_ENCODING;
  if (!httpVersion.startsWith("1.")) return UNKNOWN_VERSION;
  const [host] = hosts;
  if (host === undefined && httpVersion === "1.1") return NO_HOST;
  if (!HOST.test(host ?? "")) return BAD_HOST;
  if (expect !== undefined && !CONTINUE.test(expect)) return UNKNOWN_EXPECTATION;
  return undefined;
}

/** Node's error about what came on a connection of HTTP/1. */
export interface InputError extends Error {
  readonly code?: string;
  readonly reason?: string;
}

export interface InputRefusal {
  /** To say behind the answers that are due; nothing, where the client would not expect it. */
  readonly farewell: Buffer;
  /** The client itself has said that nothing follows, and is not held to it. */
  readonly isIgnored: boolean;
}

/** Undefined when it is the connection that has failed, or has had its time. */
export function inputRefusal(error: InputError): InputRefusal | undefined {
  const { code = "", reason } = error;
  if (!code.startsWith("HPE_")) return undefined;
  return { farewell: farewellOf(code, reason), isIgnored: code === "HPE_CLOSED_CONNECTION" };
}

function farewellOf(code: string, reason: string | undefined): Buffer {
  if (code === "HPE_HEADER_OVERFLOW") return HEADERS_TOO_LARGE;
  if (code === "HPE_INVALID_EOF_STATE") return NOTHING;
  const isUnknown = code === "HPE_INVALID_TRANSFER_ENCODING" && reason !== ENCODING_AND_LENGTH;
  return isUnknown ? UNKNOWN_ENCODING : BAD_REQUEST;
}

/** What Go's server tells whoever reads a body in chunks that cannot be read. */
export function chunkProblem({ code }: InputError): string {
  return code === "HPE_INVALID_CHUNK_SIZE"
    ? "invalid byte in chunk length"
    : "malformed chunked encoding";
}

/** Says it and ends the connection, whether or not its client reads it. */
export function endConnection(socket: Duplex, farewell: Buffer, clock: Clock): void {
  // The last answer may have been the end.
  if (!socket.writable) return;
  socket.end(farewell);
  socket.resume();
  const cancel = clock.after(FAREWELL_MS, () => socket.destroy());
  socket.once("close", cancel);
}

function refusal(line: string, text = line): Buffer {
  const headers = "Content-Type: text/plain; charset=utf-8\r\nConnection: close";
  return Buffer.from(`HTTP/1.1 ${line}\r\n${headers}\r\n\r\n${text}`);
}
