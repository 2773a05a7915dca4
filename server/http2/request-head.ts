import { Status } from "../errors.ts";
import { type HeaderField, HeaderKind } from "./header-field.ts";
import { Metadata } from "./metadata.ts";

/** Why a request is answered without being looked at further. */
export interface Refusal {
  /** HTTP's status, for peers that speak no gRPC. */
  readonly httpStatus: number;
  readonly status: Status;
  readonly text: string;
}

/** What a request's header block says. One object serves all requests with the same block. */
export interface RequestHead {
  readonly path: string;
  readonly metadata: Metadata;
  /** From `grpc-timeout`, in ms. */
  readonly timeoutMs: number | undefined;
  /** `grpc-encoding` */
  readonly encoding: string | undefined;
  readonly refusal: Refusal | undefined;
}

const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};
const GRPC_CONTENT = /^application\/grpc([+;]|$)/;

/** Undefined for what is no well-formed HTTP/2 request: the stream is reset. */
export function readRequestHead(fields: readonly HeaderField[]): RequestHead | undefined {
  let path: string | undefined;
  let method: string | undefined;
  let contentType: string | undefined;
  let timeout: string | undefined;
  let encoding: string | undefined;
  const pairs: string[] = [];
  for (const { name, value, kind } of fields) {
    if (kind === HeaderKind.OTHER) pairs.push(name, value);
    else if (kind === HeaderKind.PATH) path = value;
    else if (kind === HeaderKind.METHOD) method = value;
    else if (kind === HeaderKind.CONTENT_TYPE) contentType = value;
    else if (kind === HeaderKind.TIMEOUT) timeout = value;
    else if (kind === HeaderKind.ENCODING) encoding = value;
    else if (kind !== HeaderKind.IGNORED) return undefined;
  }
  if (path === undefined || method === undefined) return undefined;
  return {
    path,
    metadata: pairs.length === 0 ? Metadata.EMPTY : new Metadata(pairs),
    timeoutMs: timeout === undefined ? undefined : parseTimeout(timeout),
    encoding,
    refusal: refusalOf(path, method, contentType, timeout),
  };
}

/** `5S`, `250m`: at most eight digits and a unit. */
export function parseTimeout(text: string): number | undefined {
  const match = TIMEOUT.exec(text);
  return match === null ? undefined : Number(match[1]) * (UNIT_MS[match[2] as string] as number);
}

function refusalOf(
  path: string,
  method: string,
  contentType: string | undefined,
  timeout: string | undefined,
): Refusal | undefined {
  const refuse = (httpStatus: number, status: Status, text: string): Refusal => ({
    httpStatus,
    status,
    text,
  });
  if (contentType === undefined || !GRPC_CONTENT.test(contentType)) {
    const shown = JSON.stringify(contentType ?? "");
    return refuse(415, Status.INVALID_ARGUMENT, `invalid gRPC request content-type ${shown}`);
  }
  if (method !== "POST") {
    const text = `Received a HEADERS frame with :method ${JSON.stringify(method)} which should be POST`;
    return refuse(405, Status.INTERNAL, text);
  }
  if (timeout !== undefined && parseTimeout(timeout) === undefined) {
    return refuse(400, Status.INTERNAL, `malformed grpc-timeout: ${JSON.stringify(timeout)}`);
  }
  if (!path.startsWith("/")) {
    const text = `malformed method name: ${JSON.stringify(path)}`;
    return refuse(200, Status.UNIMPLEMENTED, text);
  }
  return undefined;
}
