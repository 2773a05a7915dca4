import { STATUS_CODES } from "node:http";
import type { Status } from "../errors.ts";
import { httpStatusOf } from "./http-status.ts";
import type { Reply } from "./reply.ts";

/** A call's error. Clients of etcd 3.5 look for `error`, those of 3.6 for `code` and `message`. */
export function errorReply(status: Status, text: string): Reply {
  return {
    status: httpStatusOf(status),
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ error: text, code: status, message: text }),
  };
}

/** The same as the last line of a stream, with the names of both versions. */
export function errorLine(status: Status, text: string): string {
  const httpStatus = httpStatusOf(status);
  const error = {
    grpc_code: status,
    http_code: httpStatus,
    message: text,
    http_status: STATUS_CODES[httpStatus] ?? "",
    code: status,
  };
  return `${JSON.stringify({ error })}\n`;
}
