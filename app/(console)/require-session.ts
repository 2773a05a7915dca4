import { headers } from "next/headers";
import { redirect } from "next/navigation";
import { pageSession } from "@/lib/auth";

/** Each page asks for itself; without a session it leads to sign-in and from there back. */
export async function requireSession(): Promise<void> {
  if ((await pageSession()) !== undefined) return;
  const here = (await headers()).get("x-path") ?? "/";
  redirect(`/login?callbackUrl=${encodeURIComponent(here)}`);
}
