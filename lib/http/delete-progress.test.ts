import { afterEach, expect, test, vi } from "vitest";
import type { EtcdClient } from "../etcd/client.ts";
import { ClusterError } from "../etcd/cluster-error.ts";
import type { DeleteProgress } from "../schema/delete-progress.ts";
import { deleteProgress } from "./delete-progress.ts";

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
async function run(client: EtcdClient) {
  const told: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    told.push(String(text));
    return true;
  });
  const plan = { prefix: Buffer.from("a/"), revision: 5, count: 6 };
  const lines: DeleteProgress[] = [];
  const control = new AbortController();
  for await (const line of deleteProgress(client, plan, control.signal, "id")) lines.push(line);
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
