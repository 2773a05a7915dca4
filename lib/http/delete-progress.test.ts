import { afterEach, expect, test, vi } from "vitest";
import type { EtcdClient } from "../etcd/client.ts";
import { ClusterError } from "../etcd/cluster-error.ts";
import type { DeleteProgress } from "../schema/delete-progress.ts";
import { type DeleteContext, deleteProgress } from "./delete-progress.ts";
import { Problem } from "./problem.ts";
import { shutDown } from "./shutdown.ts";

afterEach(() => vi.restoreAllMocks());

const header = { revision: 9, memberId: 1n };
const DELETED = { header, succeeded: true, responses: [{ responseDeleteRange: { deleted: 2 } }] };
const timeout = new ClusterError("timeout", "no answer in time");

/** Pages of two keys without end, the n-th of which runs into `answer`. */
function scripted(answer: (method: string, page: number) => unknown): EtcdClient {
  let page = 0;
  const read = async () => {
    page++;
    const kvs = [{ key: Buffer.from(`a/${page}`) }];
    return answer("Range", page) ?? { header, kvs, count: 6, more: page < 3 };
  };
  const write = async () => answer("Txn", page) ?? DELETED;
  return { read, write } as unknown as EtcdClient;
}

/** The last line for the browser, and what the log has of the end. */
async function run(client: EtcdClient, over: Partial<DeleteContext> = {}) {
  const told: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    told.push(String(text));
    return true;
  });
  const plan = { prefix: Buffer.from("a/"), revision: 5, count: 6 };
  const lines: DeleteProgress[] = [];
  const { signal } = new AbortController();
  const context = { requestId: "id", signal, isStillSignedIn: async () => true, ...over };
  for await (const line of deleteProgress(client, plan, context)) lines.push(line);
  return { last: lines.at(-1), told: JSON.parse(told.join("")) };
}

test("a step without an answer may have happened, and line and log say so", async () => {
  const { last, told } = await run(
    scripted((method, page) => {
      if (method === "Txn" && page === 2) throw timeout;
      return undefined;
    }),
  );
  expect(last).toMatchObject({
    type: "failed",
    deleted: 2,
    total: 6,
    error: { code: "timeout", mayHaveHappened: true },
  });
  expect(told).toMatchObject({ requestId: "id", deleted: 2, total: 6, mayBeMore: true });
});

test("what stops between two steps, or is refused, leaves the rest untouched", async () => {
  const refusal = new ClusterError("etcd-permission-denied", "etcdserver: permission denied");
  for (const [at, error] of [
    ["Range", timeout],
    ["Txn", refusal],
  ] as const) {
    const { last, told } = await run(
      scripted((method, page) => {
        if (method === at && page === 2) throw error;
        return undefined;
      }),
    );
    expect(last).toMatchObject({ type: "failed", deleted: 2, error: { code: error.code } });
    expect(last).not.toHaveProperty("error.mayHaveHappened");
    expect(told).not.toHaveProperty("mayBeMore");
    vi.restoreAllMocks();
  }
});

test("a delete that came to its end leaves nothing open", async () => {
  const { last, told } = await run(scripted(() => undefined));
  expect(last).toMatchObject({ type: "done", deleted: 6, revision: "9" });
  expect(told).not.toHaveProperty("mayBeMore");
});

test("a session that ends takes its delete with it, between two steps", async () => {
  let steps = 0;
  const { last, told } = await run(
    scripted(() => undefined),
    { isStillSignedIn: async () => ++steps < 2 },
  );
  expect(last).toMatchObject({ type: "failed", deleted: 4, error: { code: "unauthenticated" } });
  expect(last).not.toHaveProperty("error.mayHaveHappened");
  expect(told).toMatchObject({ deleted: 4, total: 6 });

  const behindAll = await run(
    scripted(() => undefined),
    { isStillSignedIn: async () => ++steps < 5 },
  );
  expect(behindAll.last).toMatchObject({ type: "done", deleted: 6 });
});

test("a delete that is stopped says why, once its step is done", async () => {
  const control = new AbortController();
  const { last, told } = await run(
    scripted((method, page) => {
      const stops = method === "Txn" && page === 2;
      if (stops) control.abort(new Problem("unavailable", "the console is stopping"));
      return undefined;
    }),
    { signal: control.signal },
  );
  const error = { code: "unavailable", message: "the console is stopping" };
  expect(last).toMatchObject({ type: "failed", deleted: 4, error });
  expect(told).toMatchObject({ deleted: 4, total: 6 });
  expect(told).not.toHaveProperty("mayBeMore");
});

test("at the end of the process a step that hangs is told as one that may have happened", async () => {
  vi.useFakeTimers();
  try {
    const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const lines = deleteProgress(
      scripted((method, page) =>
        method === "Txn" && page === 2 ? new Promise(() => undefined) : undefined,
      ),
      { prefix: Buffer.from("a/"), revision: 5, count: 6 },
      {
        requestId: "id",
        signal: new AbortController().signal,
        isStillSignedIn: async () => true,
      },
    );
    await lines.next();
    void lines.next();
    shutDown();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(write).toHaveBeenCalledOnce();
    expect(JSON.parse(String(write.mock.calls[0]?.[0]))).toMatchObject({
      msg: "delete-prefix ended",
      deleted: 2,
      total: 6,
      mayBeMore: true,
    });
  } finally {
    vi.useRealTimers();
  }
});
