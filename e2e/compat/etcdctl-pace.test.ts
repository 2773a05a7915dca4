import { afterAll, beforeAll, expect, test } from "vitest";
import { ClusterProcess, etcdctl } from "../harness/member-process.ts";
import { ETCD_35 } from "../harness/tools.ts";

// Nine writes of ten must be answered when etcdctl wants them: nothing else may keep the machine
// busy meanwhile.

let cluster: ClusterProcess;

beforeAll(async () => {
  cluster = await ClusterProcess.start({ make: "quorate", size: 3 });
});

afterAll(() => cluster?.stop());

test("etcdctl check perf runs its small load to the end, at the pace it asks for", async () => {
  const result = await etcdctl(ETCD_35, cluster.endpoints, ["check", "perf", "--load=s"]);
  expect(result.stdout, result.stderr).toContain("PASS: Throughput");
});
