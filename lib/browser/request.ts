import type * as z from "zod";
import { type ApiError, type ErrorName, ErrorReply } from "../schema/errors.ts";
import { reportSessionEnd } from "./session-end.ts";

/** `offline`: the console itself did not answer; `bad-reply`: it answered with something else. */
export type RequestErrorCode = ErrorName | "offline" | "bad-reply";

export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly code: RequestErrorCode;
  /** HTTP status; 0 when there was no reply. */
  readonly status: number;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly requestId: string | undefined;
  /** The console says so of a write whose outcome it does not know. */
  readonly mayHaveHappened: boolean;

  constructor(code: RequestErrorCode, message: string, status: number, reply?: ApiError) {
    super(message);
    this.code = code;
    this.status = status;
    this.detail = reply?.detail ?? {};
    this.requestId = reply?.requestId;
    this.mayHaveHappened = reply?.mayHaveHappened ?? false;
  }

  static ofReply(reply: ApiError, status: number): RequestError {
    return new RequestError(reply.code, reply.message, status, reply);
  }
}

export interface RequestOptions {
  readonly method?: "GET" | "PUT" | "POST" | "DELETE";
  /** Undefined values are left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** How long the reply may take before it is `offline`, in ms. */
  readonly limitMs?: number;
}

/** More than the console itself takes for one question to etcd, asked again of one member alone. */
const READ_MS_MAX = 20_000;
/** A lease is granted, a key created and the lease given up: each has the console's 8 s. */
const WRITE_MS_MAX = 30_000;
/** For questions that the console answers with many of its own to etcd. */
export const MANY_READS_MS_MAX = 90_000;

/**
 * Sends, and returns the reply if it is a success; throws RequestError, or AbortError. The limit is
 * for the reply to begin: its body may take as long as it likes.
 */
export function send(path: string, options: RequestOptions = {}): Promise<Response> {
  return withinLimit(options, (signal) => reply(path, options, signal));
}

/** Sends, and parses the JSON of a success. The limit is for the whole of it. */
export function request<Shape extends z.ZodType>(
  shape: Shape,
  path: string,
  options: RequestOptions = {},
): Promise<z.output<Shape>> {
  return withinLimit(options, async (signal) => {
    const response = await reply(path, options, signal);
    const parsed = shape.safeParse(await readJson(response));
    if (parsed.success) return parsed.data;
    throw new RequestError("bad-reply", "The console's reply is malformed.", response.status);
  });
}

/** A console that hangs holds its connections open: without a limit it would never be missed. */
async function withinLimit<Result>(
  { method, limitMs, signal }: RequestOptions,
  ask: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const limit = new AbortController();
  const ownMs = method === undefined || method === "GET" ? READ_MS_MAX : WRITE_MS_MAX;
  const timer = setTimeout(() => limit.abort(), limitMs ?? ownMs);
  try {
    return await ask(signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal]));
  } catch (error) {
    if (limit.signal.aborted && signal?.aborted !== true) throw unanswered();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function unanswered(): RequestError {
  return new RequestError("offline", "The console does not answer.", 0);
}

async function reply(
  path: string,
  { method, query, body, headers }: RequestOptions,
  signal: AbortSignal,
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(withQuery(path, query), {
      method: method ?? "GET",
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
      cache: "no-store",
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unanswered();
  }
  if (response.status === 401) reportSessionEnd();
  if (!response.ok) throw await errorOf(response);
  return response;
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    return undefined;
  }
}

async function errorOf(response: Response): Promise<RequestError> {
  const parsed = ErrorReply.safeParse(await readJson(response));
  if (parsed.success) return RequestError.ofReply(parsed.data.error, response.status);
  const text = `The console answered with HTTP status ${response.status}.`;
  return new RequestError("bad-reply", text, response.status);
}

function withQuery(path: string, query: RequestOptions["query"]): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) params.set(name, String(value));
  }
  const text = params.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** True where waiting may help: nothing is wrong with the request or its sender. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof RequestError)) return false;
  return error.code === "offline" || error.status >= 502 || error.code === "too-many-requests";
}

/** A sentence for people. etcd's own words and addresses stay as they are. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return "Something unexpected went wrong.";
  if (error instanceof RequestError && error.code === "compacted") {
    return "etcd no longer keeps this revision: it has been compacted.";
  }
  if (error instanceof RequestError && error.code === "future-revision") {
    return "The cluster has not reached this revision. It may have been restored to an earlier one.";
  }
  return sentence(error.message);
}

/** With a capital at its start, unless it starts with what must stay as it is. */
export function sentence(message: string): string {
  return /^(etcdserver|https?:)/.test(message) ? message : message.replace(/^[a-z]/, upper);
}

function upper(letter: string): string {
  return letter.toUpperCase();
}
