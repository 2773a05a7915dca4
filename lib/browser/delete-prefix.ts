import { encodeBase64 } from "../schema/bytes.ts";
import { DeleteProgress } from "../schema/delete-progress.ts";
import type { DeletePreviewReply } from "../schema/keys.ts";
import { clusterPath } from "./clusters.ts";
import { RequestError, send } from "./request.ts";

/** The last step of a delete: all gone, or stopped in between, by a fault or on demand. */
export type DeleteEnd =
  | Extract<DeleteProgress, { type: "done" | "failed" }>
  | { readonly type: "stopped"; readonly deleted: number; readonly total: number };

export interface DeleteRun {
  readonly onProgress: (deleted: number) => void;
  /** Stops the delete: the console ends it behind the step that runs, and says no more. */
  readonly signal: AbortSignal;
}

/** The console first reads the whole range once, 4,000 keys at a time; then it tells of each step. */
const BEGIN_MS_MAX = 10 * 60_000;
/** Each step is one read and one write; what says nothing for longer has hung. */
const STEP_MS_MAX = 60_000;

/**
 * Deletes what a preview showed and reports as it goes. Throws RequestError `modified`, and nothing
 * is deleted, when the range has changed since the preview.
 */
export async function deletePrefix(
  cluster: string,
  prefix: Uint8Array,
  preview: Pick<DeletePreviewReply, "revision" | "count">,
  run: DeleteRun,
): Promise<DeleteEnd> {
  const { count, revision } = preview;
  let deleted = 0;
  try {
    const response = await send(clusterPath(cluster, "keys/delete-prefix"), {
      method: "POST",
      body: { prefix: encodeBase64(prefix), revision, count },
      limitMs: BEGIN_MS_MAX,
      signal: run.signal,
    });
    for await (const line of linesOf(response)) {
      const step = DeleteProgress.parse(JSON.parse(line));
      if (step.type !== "progress") return step;
      deleted = step.deleted;
      run.onProgress(deleted);
    }
  } catch (error) {
    if (!run.signal.aborted) throw error;
  }
  if (run.signal.aborted) return { type: "stopped", deleted, total: count };
  const text = `The connection ended after ${deleted} of ${count} keys.`;
  throw new RequestError("offline", text, 0);
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const silence = setTimeout(() => void reader.cancel(), STEP_MS_MAX);
    // A connection that breaks has ended, and says no more of how far the delete has come.
    const chunk = await reader.read().catch(() => undefined);
    clearTimeout(silence);
    if (chunk === undefined) return;
    if (chunk.done) break;
    const lines = (rest + chunk.value).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
  if (rest !== "") yield rest;
}
