// Sign-in is next-auth's credentials flow. The `error` in the address that it answers with is
// "CredentialsSignin" for a wrong name or password and "Throttled:<seconds>" after too many attempts.
import "./without-eval.ts";
import * as z from "zod";

export const Credentials = z.object({
  username: z.string().min(1).max(128),
  password: z.string().min(1).max(1024),
});
export type Credentials = z.infer<typeof Credentials>;

export const THROTTLED = "Throttled";

/** GET /api/session */
export const SessionReply = z.object({
  user: z.object({ name: z.string() }),
  /** ISO time at which the session ends unless it is used. */
  expires: z.string(),
});
export type SessionReply = z.infer<typeof SessionReply>;
