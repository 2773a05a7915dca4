import { checkPlan } from "@/lib/etcd/delete-prefix.ts";
import { deleteProgress } from "@/lib/http/delete-progress.ts";
import { route } from "@/lib/http/handler.ts";
import { revisionOf } from "@/lib/http/key-json.ts";
import { lineReply } from "@/lib/http/line-stream.ts";
import { DeletePrefixRequest } from "@/lib/schema/keys.ts";

export const dynamic = "force-dynamic";

export const POST = route({ body: DeletePrefixRequest }, async (input) => {
  const { client, body, requestId, isStillSignedIn } = input;
  const plan = {
    prefix: Buffer.from(body.prefix, "base64"),
    revision: revisionOf(body.revision) ?? 0,
    count: body.count,
  };
  await checkPlan(client, plan, input.signal);
  const control = new AbortController();
  const { signal } = control;
  const lines = deleteProgress(client, plan, { requestId, signal, isStillSignedIn });
  return lineReply({ requestId, lines, stop: (why) => control.abort(why) });
});
