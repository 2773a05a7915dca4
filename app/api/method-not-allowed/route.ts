import { METHODS } from "@/lib/http/front-door.ts";
import { openRoute } from "@/lib/http/handler.ts";
import { jsonReply } from "@/lib/http/reply.ts";
import { type ErrorReply, HTTP_STATUS } from "@/lib/schema/errors.ts";

export const dynamic = "force-dynamic";

/** Where requests are led that come by a method which nothing here knows. */
export const GET = openRoute(async () => {
  const code = "method-not-allowed";
  const message = "nothing at this address takes this method";
  return jsonReply({ error: { code, message } } satisfies ErrorReply, {
    status: HTTP_STATUS[code],
    headers: { allow: METHODS.join(", ") },
  });
});
