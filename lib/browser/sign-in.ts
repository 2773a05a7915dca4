// next-auth's exchange without its own client. That leads away from the page when the console does
// not answer, and takes a refusal for a fault of its own.

import * as z from "zod";
import { ErrorReply } from "../schema/errors.ts";
import { THROTTLED } from "../schema/session.ts";
import { badStatus, RequestError, request, unanswered } from "./request.ts";

/** Passwords are checked one after the other, and each on purpose takes its time. */
const REPLY_MS_MAX = 30_000;
const WAIT_SECONDS_MIN = 1;

const Token = z.object({ csrfToken: z.string() });
const Outcome = z.object({ url: z.string() });

export type SignInOutcome =
  | { readonly kind: "signed-in" }
  | { readonly kind: "wrong" }
  | { readonly kind: "throttled"; readonly waitSeconds: number }
  /** The password was sent, and no answer came: it may have been checked. */
  | { readonly kind: "unanswered" };

/** Throws RequestError: offline when nothing was checked, others also where nobody knows. */
export async function signIn(username: string, password: string): Promise<SignInOutcome> {
  const csrfToken = await freshToken();
  const fields = { username, password, callbackUrl: "/", csrfToken };
  let error: string | null;
  try {
    error = await exchange("callback/credentials", fields);
  } catch (failure) {
    if (!(failure instanceof RequestError) || failure.code !== "offline") throw failure;
    return { kind: "unanswered" };
  }
  if (error === null) return { kind: "signed-in" };
  const [name, seconds] = error.split(":");
  if (name === "CredentialsSignin") return { kind: "wrong" };
  if (name !== THROTTLED) throw new RequestError("bad-reply", `The console says: ${error}.`, 401);
  const told = Number(seconds);
  return { kind: "throttled", waitSeconds: told > 0 ? told : WAIT_SECONDS_MIN };
}

/** Ends the session in the console and in this browser. Throws RequestError. */
export async function signOut(): Promise<void> {
  await exchange("signout", { callbackUrl: "/login", csrfToken: await freshToken() });
}

async function freshToken(): Promise<string> {
  return (await request(Token, "/api/auth/csrf")).csrfToken;
}

/** @returns the error that next-auth names, or null */
async function exchange(
  act: string,
  fields: Readonly<Record<string, string>>,
): Promise<string | null> {
  const { status, text } = await post(`/api/auth/${act}`, { ...fields, json: "true" });
  const body = parsed(text);
  const refusal = ErrorReply.safeParse(body);
  if (refusal.success) throw RequestError.ofReply(refusal.data.error, status);
  const outcome = Outcome.safeParse(body);
  if (!outcome.success) throw badStatus(status);
  const { searchParams } = new URL(outcome.data.url, window.location.origin);
  if (searchParams.get("csrf") !== null) {
    throw new RequestError("bad-reply", "The console's cookie did not come back to it.", status);
  }
  return searchParams.get("error");
}

async function post(path: string, fields: Readonly<Record<string, string>>) {
  try {
    const response = await fetch(path, {
      method: "POST",
      body: new URLSearchParams(fields),
      cache: "no-store",
      signal: AbortSignal.timeout(REPLY_MS_MAX),
    });
    return { status: response.status, text: await response.text() };
  } catch {
    throw unanswered();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
