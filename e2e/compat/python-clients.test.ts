import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ClusterProcess, type Make } from "../harness/member-process.ts";

// Debian's python3-etcd3 (grpcio) and the store of Debian's Patroni (the JSON gateway) do the same
// work over our cluster and over Debian's etcd, and print what they saw.

const MAKES: readonly Make[] = ["quorate", "etcd-3.5"];
const PYTHON = "/usr/bin/python3";
const LIMIT_MS = 100_000;
const execute = promisify(execFile);
const clusters = new Map<Make, ClusterProcess>();

beforeAll(async () => {
  for (const make of MAKES) clusters.set(make, await ClusterProcess.start({ make, size: 3 }));
});

afterAll(async () => {
  for (const cluster of clusters.values()) await cluster.stop();
});

async function seenOver(script: string, args: (cluster: ClusterProcess) => readonly string[]) {
  const seen: Record<string, unknown>[] = [];
  for (const cluster of clusters.values()) {
    const path = join(import.meta.dirname, script);
    const { stdout } = await execute(PYTHON, [path, ...args(cluster)], { timeout: LIMIT_MS });
    seen.push(JSON.parse(stdout) as Record<string, unknown>);
  }
  return seen;
}

test("python3-etcd3 cannot tell the difference", async () => {
  const [ours, theirs] = await seenOver("python-client.py", (cluster) => [
    "127.0.0.1",
    String(cluster.member(0).options.clientPort),
  ]);
  expect(ours).toEqual(theirs);
  expect(ours).toMatchObject({ keys: { replaced: [true, false] }, leases: { keys: ["leased"] } });
});

test("Patroni's store elects one leader and hands over", async () => {
  const [ours, theirs] = await seenOver("patroni-store.py", (cluster) => [
    cluster.endpoints.replaceAll("http://", ""),
  ]);
  expect(ours).toEqual(theirs);
  expect(ours).toMatchObject({ leader: [true, false], "taken over": true, now: "two" });
});
