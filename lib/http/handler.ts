// The frame of every API route. In this order: whose session is it, does it come from a page of
// ours, is the input well-formed; only then the route runs. What it throws becomes a typed error.
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { sessionOf } from "../auth.ts";
import { type ConsoleState, consoleState } from "../console/console-state.ts";
import type { LiveSession } from "../console/sessions.ts";
import type { EtcdClient } from "../etcd/client.ts";
import { auditAct } from "./audit.ts";
import { guardFrontDoor } from "./front-door.ts";
import { Problem } from "./problem.ts";
import { apiErrorOf, errorReply, secured } from "./reply.ts";
import {
  parseInput,
  queryOf,
  readJson,
  refuseForeignOrigin,
  refuseLargeBody,
} from "./request-input.ts";

const BODY_BYTES_MAX = 64 * 1024;
const OPEN_BODY_BYTES_MAX = 16 * 1024;

export interface RouteShape<Query extends z.ZodType, Body extends z.ZodType> {
  /** Of the query string; default: none is looked at. */
  readonly query?: Query;
  /** Of the JSON body; default: no body is read. */
  readonly body?: Body;
  readonly bodyBytesMax?: number;
  /** An open page asks for it over and over by itself: that keeps no session alive. */
  readonly isBackground?: true;
}

export interface RouteInput<Query, Body> {
  readonly request: Request;
  readonly requestId: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly session: LiveSession;
  readonly state: ConsoleState;
  /** The cluster that the path names; throws `not-found` when there is none. */
  readonly client: EtcdClient;
  /** Aborts when the browser has gone. */
  readonly signal: AbortSignal;
  /** Asks again whether the request's session still counts; that is no use of it. */
  readonly isStillSignedIn: () => Promise<boolean>;
}

interface RouteContext {
  readonly params: Promise<Record<string, string>>;
}

export type RouteHandler = (request: Request, context: RouteContext) => Promise<Response>;

export function route<
  Query extends z.ZodType = z.ZodUnknown,
  Body extends z.ZodType = z.ZodUnknown,
>(
  shape: RouteShape<Query, Body>,
  run: (input: RouteInput<z.output<Query>, z.output<Body>>) => Promise<Response> | Response,
): RouteHandler {
  return async (request, context) => {
    const requestId = randomUUID();
    const act = { request, requestId, user: "", body: undefined as unknown };
    try {
      const state = await ready();
      const isStillSignedIn = async () => (await sessionIn(request, "peek")) !== undefined;
      const session = await sessionIn(request, shape.isBackground ? "peek" : "resume");
      if (session === undefined) throw new Problem("unauthenticated", "sign in first");
      act.user = session.user;
      refuseForeignOrigin(request);
      const response = await inTurn(async () => {
        const params = await context.params;
        const url = new URL(request.url);
        const query = parseInput(shape.query ?? z.unknown(), queryOf(url), "query");
        const bodyBytesMax = shape.bodyBytesMax ?? BODY_BYTES_MAX;
        const body =
          shape.body === undefined
            ? undefined
            : parseInput(shape.body, await readJson(request, bodyBytesMax), "body");
        act.body = body;
        return run({
          request,
          requestId,
          params,
          query: query as z.output<Query>,
          body: body as z.output<Body>,
          session,
          state,
          get client() {
            return state.connections.client(params["cluster"] ?? "");
          },
          signal: request.signal,
          isStillSignedIn,
        });
      });
      auditAct(act, response);
      return secured(response, requestId);
    } catch (error) {
      const refusal = errorReply(error, requestId);
      const { mayHaveHappened } = apiErrorOf(error, requestId);
      if (act.user !== "") auditAct(act, refusal, mayHaveHappened);
      return secured(refusal, requestId);
    }
  };
}

function sessionIn(request: Request, how: "resume" | "peek"): Promise<LiveSession | undefined> {
  return sessionOf((name) => cookieIn(request, name), how);
}

/** Requests that run at once; a browser sends six. */
const RUNNING_MAX = 64;
let running = 0;

/** A flood of dear requests is refused here instead of being passed on to the cluster. */
async function inTurn<T>(run: () => Promise<T> | T): Promise<T> {
  if (running >= RUNNING_MAX) {
    const message = "too many requests run at once";
    throw new Problem("too-many-requests", message, { retryAfterSeconds: 1 });
  }
  running++;
  try {
    return await run();
  } finally {
    running--;
  }
}

async function ready(): Promise<ConsoleState> {
  const state = await consoleState();
  guardFrontDoor(state.environment);
  return state;
}

/** A route that needs no session: sign-in itself, and the health of the console. */
export function openRoute<Context>(
  run: (request: Request, context: Context) => Promise<Response>,
): (request: Request, context: Context) => Promise<Response> {
  return async (request, context) => {
    const requestId = randomUUID();
    try {
      refuseForeignOrigin(request);
      refuseLargeBody(request, OPEN_BODY_BYTES_MAX);
      await ready();
      const answer = await run(request, context);
      return secured(new Response(answer.body, answer), requestId);
    } catch (error) {
      return secured(errorReply(error, requestId), requestId);
    }
  };
}

function cookieIn(request: Request, name: string): string | undefined {
  for (const part of request.headers.get("cookie")?.split(";") ?? []) {
    const cut = part.indexOf("=");
    if (cut > 0 && part.slice(0, cut).trim() === name) return part.slice(cut + 1).trim();
  }
  return undefined;
}
