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
  /** How long the reply may take to begin before it is `offline`, in ms; for a short body. */
  readonly limitMs?: number;
}

/** More than the console itself takes for one question to etcd, asked again of one member alone. */
const READ_MS_MAX = 20_000;
/** A lease is granted, a key created and the lease given up: each has the console's 8 s. */
const WRITE_MS_MAX = 30_000;
/** A link that is slow is no console that hangs: what is sent may take a second for each of these. */
const SENT_BYTES_PER_SECOND_MIN = 32 * 1024;
/** A reply that has begun and brings nothing for longer than this has stopped. */
const REPLY_SILENCE_MS_MAX = 10_000;
/** For questions that the console answers with many of its own to etcd. */
export const MANY_READS_MS_MAX = 90_000;

/**
 * Sends, and returns the reply if it is a success; throws RequestError, or AbortError. The limit is
 * for the reply to begin: its body may take as long as it likes.
 */
export function send(path: string, options: RequestOptions = {}): Promise<Response> {
  return withPatience(options, (patience) => reply(path, options, patience));
}

/**
 * Sends, and parses the JSON of a success. The limit is for the reply to begin; from then on as
 * long as it keeps coming it may take its time.
 */
export function request<Shape extends z.ZodType>(
  shape: Shape,
  path: string,
  options: RequestOptions = {},
): Promise<z.output<Shape>> {
  return withPatience(options, async (patience) => {
    const response = await reply(path, options, patience);
    const parsed = shape.safeParse(await readJson(response, patience));
    if (parsed.success) return parsed.data;
    throw new RequestError("bad-reply", "The console's reply is malformed.", response.status);
  });
}

/** Ends what is waited for once nothing has come for too long. */
class Patience {
  readonly signal: AbortSignal;
  readonly #limit = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(given: AbortSignal | undefined) {
    const own = this.#limit.signal;
    this.signal = given === undefined ? own : AbortSignal.any([given, own]);
  }

  get isOver(): boolean {
    return this.#limit.signal.aborted;
  }

  waitFor(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#limit.abort(), ms);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/** A console that hangs holds its connections open: without a limit it would never be missed. */
async function withPatience<Result>(
  { signal }: RequestOptions,
  ask: (patience: Patience) => Promise<Result>,
): Promise<Result> {
  const patience = new Patience(signal);
  try {
    return await ask(patience);
  } catch (error) {
    if (patience.isOver && signal?.aborted !== true) throw unanswered();
    throw error;
  } finally {
    patience.end();
  }
}

/** Nothing came back, or nothing more. */
export function unanswered(): RequestError {
  return new RequestError("offline", "The console does not answer.", 0);
}

async function reply(
  path: string,
  { method = "GET", query, body, headers, limitMs }: RequestOptions,
  patience: Patience,
): Promise<Response> {
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const ownMs = method === "GET" ? READ_MS_MAX : WRITE_MS_MAX;
  const sendingMs = Math.floor((sent?.length ?? 0) / SENT_BYTES_PER_SECOND_MIN) * 1_000;
  patience.waitFor((limitMs ?? ownMs) + sendingMs);
  let response: Response;
  try {
    response = await fetch(withQuery(path, query), {
      method,
      headers: {
        ...(sent === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(sent === undefined ? {} : { body: sent }),
      signal: patience.signal,
      cache: "no-store",
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unanswered();
  }
  if (response.status === 401) reportSessionEnd();
  if (!response.ok) throw await errorOf(response, patience);
  return response;
}

/** Undefined for what is no JSON, or breaks off. */
async function readJson(response: Response, patience: Patience): Promise<unknown> {
  try {
    return JSON.parse(await readText(response, patience)) as unknown;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    return undefined;
  }
}

async function readText(response: Response, patience: Patience): Promise<string> {
  if (response.body === null) return "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parts: string[] = [];
  for (;;) {
    patience.waitFor(REPLY_SILENCE_MS_MAX);
    const chunk = await reader.read();
    if (chunk.done) return parts.join("");
    parts.push(chunk.value);
  }
}

async function errorOf(response: Response, patience: Patience): Promise<RequestError> {
  const parsed = ErrorReply.safeParse(await readJson(response, patience));
  if (parsed.success) return RequestError.ofReply(parsed.data.error, response.status);
  return badStatus(response.status);
}

/** A reply that says nothing but that it is no success. */
export function badStatus(status: number): RequestError {
  return new RequestError("bad-reply", `The console answered with HTTP status ${status}.`, status);
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
