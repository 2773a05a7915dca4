import type { EtcdClient } from "../etcd/client.ts";
import { type DeletePlan, deletePrefix } from "../etcd/delete-prefix.ts";
import type { DeleteProgress } from "../schema/delete-progress.ts";
import { auditEnd } from "./audit.ts";
import { apiErrorOf, logUnexpected } from "./reply.ts";

/** The steps of a delete as the browser reads them; an error is the last line, with what was done. */
export async function* deleteProgress(
  client: EtcdClient,
  plan: DeletePlan,
  signal: AbortSignal,
  requestId: string,
): AsyncGenerator<DeleteProgress> {
  let deleted = 0;
  let mayBeMore: true | undefined;
  try {
    for await (const step of deletePrefix(client, plan, signal)) {
      deleted = step.deleted;
      yield step.type === "done" ? { ...step, revision: String(step.revision) } : step;
    }
  } catch (error) {
    const failure = apiErrorOf(error, requestId);
    mayBeMore = failure.mayHaveHappened;
    if (failure.code === "internal") logUnexpected(error, requestId);
    yield { type: "failed", deleted, total: plan.count, error: failure };
  } finally {
    auditEnd(requestId, { deleted, total: plan.count, mayBeMore });
  }
}
