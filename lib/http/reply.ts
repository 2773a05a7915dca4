// Every answer of the API leaves through here: never cached, never sniffed, never framed, and
// without a word about our insides.
import { ClusterError } from "../etcd/cluster-error.ts";
import { type ApiError, HTTP_STATUS } from "../schema/errors.ts";
import { Problem } from "./problem.ts";

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  vary: "Cookie",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

export function secured(response: Response, requestId: string): Response {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.headers.set(name, value);
  response.headers.set("x-request-id", requestId);
  return response;
}

export function jsonReply(
  value: unknown,
  options: { status?: number; headers?: Readonly<Record<string, string>> } = {},
): Response {
  return new Response(JSON.stringify(value), {
    status: options.status ?? 200,
    headers: { "content-type": "application/json; charset=utf-8", ...options.headers },
  });
}

/** What the browser may know of an error. Unknown errors are ours: only their id is shown. */
export function apiErrorOf(error: unknown, requestId: string): ApiError {
  if (error instanceof Problem || error instanceof ClusterError) {
    const { code, message, detail } = error;
    return {
      code,
      message,
      requestId,
      ...(detail === undefined ? {} : { detail: { ...detail } }),
      ...(error instanceof ClusterError && error.mayHaveHappened ? { mayHaveHappened: true } : {}),
    };
  }
  const message = `Something went wrong inside the console. Its log names the cause: ${requestId}`;
  return { code: "internal", message, requestId, mayHaveHappened: true };
}

export function errorReply(error: unknown, requestId: string): Response {
  const body = apiErrorOf(error, requestId);
  if (body.code === "internal") logUnexpected(error, requestId);
  const wait = error instanceof Problem ? error.retryAfterSeconds : undefined;
  const headers: Record<string, string> = wait === undefined ? {} : { "retry-after": String(wait) };
  return jsonReply({ error: body }, { status: HTTP_STATUS[body.code], headers });
}

export function logUnexpected(error: unknown, requestId: string): void {
  const stack = error instanceof Error ? error.stack : String(error);
  process.stderr.write(
    `${JSON.stringify({ level: "error", msg: "unexpected error", requestId, stack })}\n`,
  );
}
