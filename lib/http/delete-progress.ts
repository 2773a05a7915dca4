import type { EtcdClient } from "../etcd/client.ts";
import { ClusterError } from "../etcd/cluster-error.ts";
import { type DeletePlan, deletePrefix } from "../etcd/delete-prefix.ts";
import type { DeleteProgress } from "../schema/delete-progress.ts";
import { auditEnd } from "./audit.ts";
import { Problem } from "./problem.ts";
import { apiErrorOf, logUnexpected } from "./reply.ts";
import { onShutdown } from "./shutdown.ts";

/** Who starts the console gives it 4 s to end: less is left for a step that is under way. */
const LAST_STEP_MS = 2_500;

export interface DeleteContext {
  readonly requestId: string;
  /** Ends the delete behind its step. Its reason is told if it is a Problem. */
  readonly signal: AbortSignal;
  /** Asked between two steps. */
  readonly isStillSignedIn: () => Promise<boolean>;
}

/** The steps of a delete as the browser reads them; an error is the last line, with what was done. */
export async function* deleteProgress(
  client: EtcdClient,
  plan: DeletePlan,
  context: DeleteContext,
): AsyncGenerator<DeleteProgress> {
  const { requestId, isStillSignedIn } = context;
  const signedOut = new AbortController();
  const signal = AbortSignal.any([context.signal, signedOut.signal]);
  let deleted = 0;
  let mayBeMore: true | undefined;
  let isTold = false;
  const tellEnd = (): void => {
    if (!isTold) auditEnd(requestId, { deleted, total: plan.count, mayBeMore });
    isTold = true;
  };
  let lastStep: ReturnType<typeof setTimeout> | undefined;
  const forgetShutdown = onShutdown(() => {
    lastStep = setTimeout(() => {
      mayBeMore = true;
      tellEnd();
    }, LAST_STEP_MS);
  });
  try {
    for await (const step of deletePrefix(client, plan, signal)) {
      deleted = step.deleted;
      yield step.type === "done" ? { ...step, revision: String(step.revision) } : step;
      if (!(await isStillSignedIn())) {
        signedOut.abort(new Problem("unauthenticated", "the session has ended"));
      }
    }
  } catch (error) {
    const failure = apiErrorOf(causeOf(error, signal), requestId);
    mayBeMore = failure.mayHaveHappened;
    if (failure.code === "internal") logUnexpected(error, requestId);
    yield { type: "failed", deleted, total: plan.count, error: failure };
  } finally {
    clearTimeout(lastStep);
    forgetShutdown();
    tellEnd();
  }
}

/** Why it was stopped says more than that it was; but not more than that a step may have happened. */
function causeOf(error: unknown, signal: AbortSignal): unknown {
  if (!(error instanceof ClusterError) || error.mayHaveHappened) return error;
  if (error.code !== "unavailable") return error;
  return signal.reason instanceof Problem ? signal.reason : error;
}
