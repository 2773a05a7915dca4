import { route } from "@/lib/http/handler.ts";
import { startRevision, watchReply } from "@/lib/http/watch-stream.ts";
import { WatchQuery } from "@/lib/schema/watch.ts";

export const dynamic = "force-dynamic";

export const GET = route({ query: WatchQuery, isBackground: true }, (input) => {
  const from = startRevision(input.query, input.request.headers.get("last-event-id"));
  return watchReply(input, from);
});
