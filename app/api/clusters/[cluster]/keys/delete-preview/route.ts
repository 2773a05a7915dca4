import { previewDelete } from "@/lib/etcd/delete-prefix.ts";
import { route } from "@/lib/http/handler.ts";
import { bytesOfUrl, keyMeta } from "@/lib/http/key-json.ts";
import { jsonReply } from "@/lib/http/reply.ts";
import { DeletePreviewQuery, type DeletePreviewReply } from "@/lib/schema/keys.ts";

export const dynamic = "force-dynamic";

export const GET = route({ query: DeletePreviewQuery }, async ({ client, query, signal }) => {
  const preview = await previewDelete(client, bytesOfUrl(query.prefix), signal);
  return jsonReply({
    revision: String(preview.revision),
    count: preview.count,
    sample: preview.sample.map((record) => keyMeta(record, null)),
    start: preview.start.toString("base64"),
    end: preview.end?.toString("base64") ?? null,
  } satisfies DeletePreviewReply);
});
