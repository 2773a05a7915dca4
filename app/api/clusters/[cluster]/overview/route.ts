import { route } from "@/lib/http/handler.ts";
import { jsonReply } from "@/lib/http/reply.ts";

export const dynamic = "force-dynamic";

export const GET = route({ isBackground: true }, async ({ state, params }) =>
  jsonReply(await state.connections.observer(params["cluster"] ?? "").look()),
);
