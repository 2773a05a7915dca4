import { openRoute } from "@/lib/http/handler.ts";
import { jsonReply } from "@/lib/http/reply.ts";

export const dynamic = "force-dynamic";

/** For whoever started the console: 200 once it can sign somebody in, which the frame sees to. */
export const GET = openRoute(async () => jsonReply({ status: "ok" }));
