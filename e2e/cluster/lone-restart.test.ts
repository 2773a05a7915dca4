import { afterEach, expect, test } from "vitest";
import { CALM, ClusterProcess, etcdctl, MemberProcess } from "../harness/member-process.ts";
import { ETCD_35 } from "../harness/tools.ts";

let cluster: ClusterProcess | undefined;
let alone: MemberProcess | undefined;

afterEach(async () => {
  await alone?.stop("SIGKILL");
  await cluster?.stop();
});

async function run(endpoint: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await etcdctl(ETCD_35, endpoint, args);
  return (stdout || stderr).trim();
}

test("one member's data become a cluster of its own, and stay one without the flag", async () => {
  cluster = await ClusterProcess.start({ make: "quorate", size: 3, flags: CALM });
  const member = cluster.member(1);
  const url = member.clientUrl;
  for (let count = 0; count < 20; count++) {
    expect(await run(url, "put", `k${count}`, "before")).toBe("OK");
  }
  const before = await run(url, "get", "", "--prefix", "--keys-only");
  const own = (await run(url, "member", "list")).split("\n").find((line) => line.includes("m2"));
  for (const each of cluster.members) await each.stop("SIGKILL");

  for (const flags of [["--force-new-cluster"], ["--force-new-cluster"], []]) {
    alone = new MemberProcess({ ...member.options, flags });
    alone.start();
    await alone.ready();
    expect(await run(url, "member", "list")).toBe(own);
    expect(await run(url, "get", "", "--prefix", "--keys-only")).toBe(before);
    expect(await run(url, "put", "k0", "after")).toBe("OK");
    expect(await run(url, "endpoint", "health")).toContain("is healthy");
    await alone.stop("SIGKILL");
  }
});
