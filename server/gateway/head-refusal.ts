import type { IncomingMessage } from "node:http";
import type { Reply } from "./reply.ts";

const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i;
const NO_HOST_TEXT = "400 Bad Request: missing required Host header";

/** What is refused for its head alone, whatever it asks for, as Go's server does. */
export function headRefusal({ headers, httpVersion }: IncomingMessage): Reply | undefined {
  if (headers.host === undefined && httpVersion === "1.1") {
    const type = { "Content-Type": "text/plain; charset=utf-8" };
    return { status: 400, headers: { ...type, Connection: "close" }, body: NO_HOST_TEXT };
  }
  const { expect } = headers;
  if (expect === undefined || CONTINUE.test(expect)) return undefined;
  return { status: 417, headers: { Connection: "close" }, body: "" };
}
