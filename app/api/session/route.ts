import { route } from "@/lib/http/handler.ts";
import { jsonReply } from "@/lib/http/reply.ts";
import type { SessionReply } from "@/lib/schema/session.ts";

export const dynamic = "force-dynamic";

export const GET = route({}, ({ session }) => {
  const expires = new Date(session.expiresAt).toISOString();
  return jsonReply({ user: { name: session.user }, expires } satisfies SessionReply);
});
