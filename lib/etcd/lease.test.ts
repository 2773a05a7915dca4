import { expect, test } from "vitest";
import type { EtcdClient } from "./client.ts";
import { ClusterError } from "./cluster-error.ts";
import { timeToLive } from "./lease.ts";

const LEFT = { TTL: 50n, grantedTTL: 60n, header: { revision: 9 } };
const keys = [Buffer.from("a"), Buffer.from("b")];

/** Each question's `keys`, and what comes of them. */
async function asked(answer: (withKeys: boolean) => unknown) {
  const questions: boolean[] = [];
  const read = async (_service: unknown, _method: unknown, request: { keys: boolean }) => {
    questions.push(request.keys);
    return answer(request.keys);
  };
  const client = { read } as unknown as EtcdClient;
  const state = await timeToLive(client, 7n).catch((error: unknown) => error);
  return { questions, state };
}

test.each(["etcd-permission-denied", "too-large"] as const)(
  "the time left is known even where the keys are not: %s",
  async (code) => {
    const { questions, state } = await asked((withKeys) => {
      if (withKeys) throw new ClusterError(code, "refused");
      return { ...LEFT, keys: [] };
    });
    expect(questions).toEqual([true, false]);
    expect(state).toMatchObject({ ttlSeconds: 50, grantedTtlSeconds: 60, keys: undefined });
  },
);

test("a lease is asked about once where etcd tells its keys, or nothing at all", async () => {
  const told = await asked(() => ({ ...LEFT, keys }));
  expect(told).toMatchObject({ questions: [true], state: { keys } });
  const silent = await asked(() => {
    throw new ClusterError("timeout", "no answer in time");
  });
  expect(silent).toMatchObject({ questions: [true], state: { code: "timeout" } });
});
