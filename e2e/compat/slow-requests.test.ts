import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ClusterProcess } from "../harness/member-process.ts";
import { MetricsWorkload } from "../harness/metrics-workload.ts";

// Where everything counts as slow, both servers tell of the same requests in the same words.

type Line = Readonly<Record<string, unknown>>;

const MAKES = ["quorate", "etcd-3.5"] as const;
const folder = mkdtempSync(join(tmpdir(), "quorate-log-"));
const clusters: ClusterProcess[] = [];
const lines = {} as Record<(typeof MAKES)[number], readonly Line[]>;

beforeAll(async () => {
  for (const make of MAKES) {
    const file = join(folder, make);
    const flags = ["--experimental-warning-apply-duration=1ns", "--log-level=debug"];
    const cluster = await ClusterProcess.start({
      make,
      size: 1,
      flags: [...flags, `--log-outputs=${file}`],
    });
    clusters.push(cluster);
    const workload = new MetricsWorkload(cluster.member(0).clientUrl);
    await workload.run();
    await workload.close();
    await cluster.member(0).stop();
    const rows = readFileSync(file, "utf8").trim().split("\n");
    lines[make] = rows.map((row) => JSON.parse(row) as Line);
  }
});
afterAll(async () => {
  for (const cluster of clusters) await cluster.stop();
  rmSync(folder, { recursive: true });
});

/** What is different each time. */
const PASSING = new Set([
  "ts",
  "caller",
  "logger",
  "level",
  "took",
  "remote",
  "start time",
  "time spent",
]);

/** The lines of one message, without times, places and ids. */
function told(make: (typeof MAKES)[number], message: string): Line[] {
  return lines[make]
    .filter(({ msg }) => msg === message)
    .map((line) => Object.fromEntries(Object.entries(line).filter(([name]) => !PASSING.has(name))))
    .map((line) => JSON.parse(JSON.stringify(line).replace(/ID:\d+/g, "ID")) as Line);
}

test("what took long to apply or to read", () => {
  const slow = (make: (typeof MAKES)[number]) =>
    told(make, "apply request took too long")
      .filter(({ request }) => !isOwn(String(request)))
      .map((line) => (isOfLease(String(line["request"])) ? { ...line, response: "" } : line));
  expect(slow("quorate").length).toBeGreaterThan(30);
  expect(slow("quorate")).toEqual(slow("etcd-3.5"));
});

/** What each member says about itself, and etcd's reads for the health endpoints. */
function isOwn(request: string): boolean {
  return request.startsWith("ID ") || request.startsWith("limit:1 ");
}

/** etcd has a whole header in these responses before they are measured. */
function isOfLease(request: string): boolean {
  return / lease_(grant|revoke):/.test(request);
}

test("every unary call, with what it asked for and what it got", () => {
  // Headers hold ids, and those are not of one length.
  const calls = (make: (typeof MAKES)[number]) =>
    told(make, "request stats").map((line) => ({
      ...line,
      "response size": Math.sign(Number(line["response size"])),
    }));
  expect(calls("quorate").length).toBeGreaterThan(30);
  expect(calls("quorate")).toEqual(calls("etcd-3.5"));
});
