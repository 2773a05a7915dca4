// What clients of the others are told when the leader is lost with what was forwarded to it: the
// same by ours and by Debian's etcd.
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { ClusterClient, leaderAt } from "../harness/cluster-client.ts";
import { ClusterProcess, type Make } from "../harness/member-process.ts";

const PUT_PERIOD_MS = 100;
/** Until after the first of the others has noticed the loss. */
const PUTS = 30;
const BLAMES_LEADER = "etcdserver: request timed out, possibly due to previous leader failure";

test.concurrent.each<Make>(["etcd-3.5", "quorate"])(
  "only the successor says that the leader had failed: %s",
  async (make) => {
    const flags = ["--election-timeout=2000"];
    const cluster = await ClusterProcess.start({ make, size: 3, flags });
    const client = new ClusterClient(cluster.members);
    try {
      const lost = await leaderAt(cluster);
      const others = [0, 1, 2].filter((at) => at !== lost);
      const puts = others.map((): ReturnType<typeof client.put>[] => []);
      cluster.member(lost).kill("SIGSTOP");
      for (let count = 0; count < PUTS; count++) {
        for (const [i, at] of others.entries()) puts[i]?.push(client.put(at, "k", "x", 30_000));
        await delay(PUT_PERIOD_MS);
      }
      await cluster.member(lost).stop("SIGKILL");
      const successor = await leaderAt(cluster);
      for (const [i, at] of others.entries()) {
        const outcomes = await Promise.all(puts[i] ?? []);
        const texts = outcomes.flatMap((each) => ("failure" in each ? [each.failure.text] : []));
        expect(texts.length).toBeGreaterThan(0);
        expect(texts.includes(BLAMES_LEADER)).toBe(at === successor);
      }
    } finally {
      client.close();
      await cluster.stop();
    }
  },
);
