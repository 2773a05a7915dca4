// What is said of a downgrade, at one member of ours and one of etcd 3.5. Beginning and cancelling
// one is not compared: etcd 3.5.16 does both, but forgets to answer, so that the caller times out.
import { afterEach, expect, test, vi } from "vitest";
import { ClusterProcess } from "../harness/member-process.ts";

const READY_LIMIT_MS = 30_000;

const clusters: ClusterProcess[] = [];

afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.stop()));
});

/** Without what differs between any two clusters. */
async function downgrade(url: string, action: string, version: string): Promise<unknown> {
  const response = await fetch(`${url}/v3/maintenance/downgrade`, {
    method: "POST",
    body: JSON.stringify({ action, version }),
  });
  const { message, code, version: answered } = (await response.json()) as Record<string, unknown>;
  return { status: response.status, message, code, version: answered };
}

async function clusterVersion(url: string): Promise<unknown> {
  const response = await fetch(`${url}/version`);
  return ((await response.json()) as Record<string, unknown>)["etcdcluster"];
}

test("targets are judged as by etcd, and one job at a time is begun and cancelled", async () => {
  const [ours, real] = await Promise.all(
    (["quorate", "etcd-3.5"] as const).map((make) =>
      ClusterProcess.start({ make, size: 1 }).then((cluster) => {
        clusters.push(cluster);
        return cluster.member(0).clientUrl;
      }),
    ),
  );
  if (ours === undefined || real === undefined) throw new Error("two members were started");
  for (const url of [ours, real]) {
    await vi.waitUntil(async () => (await clusterVersion(url)) === "3.5.0", READY_LIMIT_MS);
  }
  for (const [action, version] of [
    ["VALIDATE", "3.4.0"],
    ["VALIDATE", "3.4"],
    ["VALIDATE", "3.4.7"],
    ["VALIDATE", "3.5.0"],
    ["VALIDATE", "3.3.0"],
    ["VALIDATE", "2.4.0"],
    ["VALIDATE", "3.6.0"],
    ["VALIDATE", "soon"],
    ["VALIDATE", ""],
    ["CANCEL", ""],
    ["ENABLE", "3.3.0"],
  ] as const) {
    const asEtcd = await downgrade(real, action, version);
    expect([action, version, await downgrade(ours, action, version)]).toEqual([
      action,
      version,
      asEtcd,
    ]);
  }
  expect(await downgrade(ours, "ENABLE", "3.4.0")).toMatchObject({ status: 200 });
  expect(await downgrade(ours, "ENABLE", "3.4.0")).toMatchObject({
    message: "etcdserver: cluster has a downgrade job in progress",
  });
  expect(await downgrade(ours, "CANCEL", "")).toMatchObject({ status: 200 });
  expect(await downgrade(ours, "CANCEL", "")).toMatchObject({
    message: "etcdserver: no inflight downgrade job",
  });
});
