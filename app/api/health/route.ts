import { consoleState } from "@/lib/console/console-state.ts";
import { openRoute } from "@/lib/http/handler.ts";
import { jsonReply } from "@/lib/http/reply.ts";

export const dynamic = "force-dynamic";

/** For whoever started the console: 200 once it can sign somebody in. Says nothing else. */
export const GET = openRoute(async () => {
  await consoleState();
  return jsonReply({ status: "ok" });
});
