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

// Both at once: it takes a minute, and asks for 150 writes a second.
test.concurrent.for([ETCD_34, ETCD_35])(
  "etcdctl $version check perf runs its small load to the end, and all that it asks for passes",
  async (tools) => {
    const args = ["check", "perf", "--load=s", `--prefix=/check-perf/${tools.version}/`];
    const { code, stdout, stderr } = await runEtcdctl(tools, cluster.endpoints, args);
    const verdicts = stdout.match(/^(PASS|FAIL|ERROR).*$/gm);
    expect({ code, verdicts }, stderr).toEqual({
      code: 0,
      verdicts: [
        expect.stringMatching(/^PASS: Throughput is \d+ writes\/s$/),
        expect.stringMatching(/^PASS: Slowest request took \d/),
        expect.stringMatching(/^PASS: Stddev is \d/),
        "PASS",
      ],
    });
  },
);
