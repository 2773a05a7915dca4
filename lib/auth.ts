// Sign-in through next-auth's credentials flow. Nothing else of the project knows next-auth: what
// others ask is whose session a request carries.
//
// The cookie is an encrypted token that holds the id of a session; the session itself lives in the
// console's store (lib/console/sessions.ts), which decides whether it still counts.
import { cookies } from "next/headers";
import NextAuth, { type AuthOptions } from "next-auth";
import { decode } from "next-auth/jwt";
import CredentialsProvider from "next-auth/providers/credentials";
import { tell } from "./console/audit-log.ts";
import { type ConsoleState, consoleState } from "./console/console-state.ts";
import { LIFETIME_MS, type LiveSession } from "./console/sessions.ts";
import { beginSession, signIn } from "./console/sign-in.ts";
import { ADDRESS_HEADER, addressIn } from "./http/front-door.ts";
import { Credentials, THROTTLED } from "./schema/session.ts";

/**
 * The session whose cookie this is; undefined when there is none or it has ended. "resume" counts
 * as a use of it, "peek" does not.
 */
export async function sessionOf(
  cookieOf: (name: string) => string | undefined,
  how: "resume" | "peek",
): Promise<LiveSession | undefined> {
  const state = await consoleState();
  const cookie = cookieOf(cookieName(state, "session"));
  if (cookie === undefined) return undefined;
  const id = await sessionIdIn(cookie, state.secret);
  return id === undefined ? undefined : state.sessions[how](id);
}

/** For pages: each asks for itself. */
export async function pageSession(): Promise<LiveSession | undefined> {
  const jar = await cookies();
  return sessionOf((name) => jar.get(name)?.value, "resume");
}

interface AuthContext {
  readonly params: Promise<{ nextauth: string[] }>;
}

/** next-auth's own routes: csrf, signin, signout, callback, session. */
export async function authRoute(request: Request, context: AuthContext): Promise<Response> {
  const state = await consoleState();
  const answer = NextAuth as unknown as (
    request: Request,
    context: AuthContext,
    options: AuthOptions,
  ) => Promise<Response>;
  const response = await answer(request, context, optionsOf(state, addressOf(request)));
  return response.status === 401 ? withRetryAfter(response) : response;
}

async function withRetryAfter(response: Response): Promise<Response> {
  const text = await response.clone().text();
  const seconds = new RegExp(`${THROTTLED}(?::|%3A)(\\d+)`).exec(text)?.[1];
  if (seconds === undefined) return response;
  const headers = new Headers(response.headers);
  headers.set("retry-after", seconds);
  return new Response(text, { status: 429, headers });
}

function addressOf(request: Request): string {
  return addressIn(request.headers.get(ADDRESS_HEADER));
}

/** `address`: whose request it is. */
function optionsOf(state: ConsoleState, address: string): AuthOptions {
  const secure = state.environment.isSecure;
  const cookie = (kind: string, httpOnly = true) => ({
    name: cookieName(state, kind),
    options: { httpOnly, sameSite: "strict" as const, path: "/", secure },
  });
  return {
    secret: state.secret,
    useSecureCookies: secure,
    session: { strategy: "jwt", maxAge: LIFETIME_MS / 1000 },
    pages: { signIn: "/login", signOut: "/login", error: "/login" },
    cookies: {
      sessionToken: cookie("session"),
      callbackUrl: cookie("callback-url"),
      csrfToken: cookie("csrf-token"),
    },
    providers: [
      CredentialsProvider({
        credentials: { username: {}, password: {} },
        authorize: (input) => authorize(state, input, address),
      }),
    ],
    callbacks: {
      jwt({ token, user }) {
        if (user?.name) {
          return { name: user.name, sid: beginSession(state, user.name, address) };
        }
        const live = typeof token["sid"] === "string" ? state.sessions.resume(token["sid"]) : null;
        if (!live) throw new SessionEnded();
        return token;
      },
      session({ session, token }) {
        return { expires: session.expires, user: { name: token.name ?? null } };
      },
    },
    events: {
      signOut({ token }) {
        if (typeof token?.["sid"] !== "string") return;
        state.sessions.end(token["sid"]);
        tell("signed out", { user: token.name });
      },
    },
    logger: { error: logError, warn: () => undefined, debug: () => undefined },
  };
}

class SessionEnded extends Error {
  override readonly name = "SessionEnded";
}

function logError(code: string, metadata: unknown): void {
  if (code === "JWT_SESSION_ERROR") return;
  const cause = metadata instanceof Error ? metadata.message : "";
  process.stderr.write(`${JSON.stringify({ level: "error", msg: "sign-in", code, cause })}\n`);
}

async function authorize(
  state: ConsoleState,
  input: unknown,
  address: string,
): Promise<{ id: string; name: string } | null> {
  const credentials = Credentials.safeParse(input);
  if (!credentials.success) return null;
  const signedIn = await signIn(state, credentials.data, address);
  if (signedIn.outcome === "throttled") throw new Error(`${THROTTLED}:${signedIn.seconds}`);
  if (signedIn.outcome === "refused") return null;
  return { id: signedIn.user, name: signedIn.user };
}

async function sessionIdIn(cookie: string, secret: string): Promise<string | undefined> {
  try {
    const token = await decode({ token: cookie, secret });
    return typeof token?.["sid"] === "string" ? token["sid"] : undefined;
  } catch {
    // Not encrypted by us: as good as no cookie.
    return undefined;
  }
}

/** Browsers share a host's cookies between its ports: consoles side by side must not collide. */
function cookieName(state: ConsoleState, kind: string): string {
  const prefix = state.environment.isSecure ? "__Host-" : "";
  return `${prefix}quorate-${state.environment.port}.${kind}`;
}
