import { encodeBase64 } from "../schema/bytes.ts";
import { DeleteProgress } from "../schema/delete-progress.ts";
import type { DeletePreviewReply } from "../schema/keys.ts";
import { clusterPath } from "./clusters.ts";
import { RequestError, send } from "./request.ts";

/** The last step of a delete: all gone, or stopped in between. */
export type DeleteEnd = Extract<DeleteProgress, { type: "done" | "failed" }>;

/** The console first reads the whole range once, 4,000 keys at a time; then it tells of each step. */
const BEGIN_MS_MAX = 10 * 60_000;

/**
 * Deletes what a preview showed and reports as it goes. Throws RequestError `modified`, and nothing
 * is deleted, when the range has changed since the preview.
 */
export async function deletePrefix(
  cluster: string,
  prefix: Uint8Array,
  preview: Pick<DeletePreviewReply, "revision" | "count">,
  onProgress: (deleted: number) => void,
): Promise<DeleteEnd> {
  const response = await send(clusterPath(cluster, "keys/delete-prefix"), {
    method: "POST",
    body: { prefix: encodeBase64(prefix), revision: preview.revision, count: preview.count },
    limitMs: BEGIN_MS_MAX,
  });
  let deleted = 0;
  for await (const line of linesOf(response)) {
    const step = DeleteProgress.parse(JSON.parse(line));
    if (step.type !== "progress") return step;
    deleted = step.deleted;
    onProgress(deleted);
  }
  const text = `The connection ended after ${deleted} of ${preview.count} keys.`;
  throw new RequestError("offline", text, 0);
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    // A connection that breaks has ended, and says no more of how far the delete has come.
    const chunk = await reader.read().catch(() => undefined);
    if (chunk === undefined) return;
    if (chunk.done) break;
    const lines = (rest + chunk.value).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
  if (rest !== "") yield rest;
}
