import { afterAll, beforeAll, expect, test } from "vitest";
import { runEtcdctl } from "../harness/etcdctl-terminal.ts";
import { ClusterProcess } from "../harness/member-process.ts";
import { ETCD_34, ETCD_35 } from "../harness/tools.ts";

// Nine writes of ten must be answered when etcdctl wants them: nothing else may keep the machine
// busy meanwhile.

let cluster: ClusterProcess;

beforeAll(async () => {
  cluster = await ClusterProcess.start({ make: "quorate", size: 3 });
});

afterAll(() => cluster?.stop());

// Both at once: it takes a minute, and asks for 150 writes a second. How long the slowest may take is
// about the machine more than about us.
test.concurrent.for([ETCD_34, ETCD_35])(
  "etcdctl $version check perf runs its small load to the end, and as much as it asks for is written",
  async (tools) => {
    const args = ["check", "perf", "--load=s", `--prefix=/check-perf/${tools.version}/`];
    const { stdout, stderr } = await runEtcdctl(tools, cluster.endpoints, args);
    const verdicts = stdout.match(/^(PASS|FAIL|ERROR).*$/gm);
    expect(verdicts, stderr).toEqual([
      expect.stringMatching(/^PASS: Throughput is \d+ writes\/s$/),
      expect.stringMatching(/: Slowest request took /),
      expect.stringMatching(/: Stddev (is|too high: )/),
      expect.stringMatching(/^(PASS|FAIL)$/),
    ]);
  },
);
