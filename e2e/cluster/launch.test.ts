import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { etcdctl } from "../harness/member-process.ts";
import { freePorts } from "../harness/ports.ts";
import { QuorateProcess, refusedStart } from "../harness/quorate-process.ts";
import { ETCD_35 } from "../harness/tools.ts";

let scratch: string;
let quorate: QuorateProcess;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "quorate-launch-"));
  quorate = await QuorateProcess.start({ members: 3, dataDir: join(scratch, "data") });
}, 240_000);

afterAll(async () => {
  await quorate?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

test("a second start over the same data is refused with one sentence", async () => {
  const refused = await refusedStart([`--data-dir=${quorate.dataDir}`]);
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.stderr).toMatch(/^Quorate already runs over .* stop it with: kill \d+\n$/);
});

test("a start from edited sources does not rebuild what a running one uses", async () => {
  const source = join(import.meta.dirname, "../../next.config.ts");
  const { atime, mtime } = statSync(source);
  const [port = 0, base = 0] = await freePorts(2);
  const args = [`--data-dir=${join(scratch, "edited")}`, `--port=${port}`];
  try {
    utimesSync(source, new Date(), new Date());
    const cluster = ["--members=1", `--client-port-base=${base}`];
    const refused = await refusedStart([...args, ...cluster]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^The sources have changed, and process \d+ still runs .*\n$/);
  } finally {
    utimesSync(source, atime, mtime);
  }
});

test("a port in use is named, with the option that chooses another", async () => {
  const [port = 0, base = 0] = await freePorts(2);
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(port, "127.0.0.1", resolve));
  const refused = await refusedStart([
    `--data-dir=${join(scratch, "other")}`,
    `--port=${port}`,
    "--members=1",
    `--client-port-base=${base}`,
  ]);
  holder.close();
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/^Port \d+ on 127\.0\.0\.1, which the console needs, is in use/);
});

test("a data folder that is a file is refused with one sentence", async () => {
  const refused = await refusedStart([`--data-dir=${join(quorate.dataDir, "launch.json")}`]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/^The data folder .* cannot be written: .*\n$/);
});

test("a member that dies is named and comes back", async () => {
  const running = JSON.parse(readFileSync(join(quorate.dataDir, "running.json"), "utf8")) as Record<
    string,
    number
  >;
  process.kill(running["member-2"] as number, "SIGKILL");
  await quorate.waitForOutput(
    /member-2 ended \(signal SIGKILL\); it starts again in 0\.5 s/,
    5_000,
  );
  const deadline = performance.now() + 20_000;
  let health = await etcdctl(ETCD_35, quorate.memberUrl(1), ["endpoint", "health"]);
  while (health.code !== 0 && performance.now() < deadline) {
    health = await etcdctl(ETCD_35, quorate.memberUrl(1), ["endpoint", "health"]);
  }
  expect(health.stderr + health.stdout).toContain("is healthy");
});

test("Ctrl-C ends everything within 5 s, and the next start finds the data", async () => {
  await etcdctl(ETCD_35, quorate.memberUrl(0), ["put", "kept", "value"]);
  const stopped = await quorate.interrupt();
  expect(stopped.code).toBe(0);
  expect(stopped.ms).toBeLessThan(5_000);
  const gone = await etcdctl(ETCD_35, quorate.memberUrl(0), [
    "--dial-timeout=1s",
    "--command-timeout=1s",
    "get",
    "kept",
  ]);
  expect(gone.code).not.toBe(0);
  quorate = await QuorateProcess.start({ members: 3, dataDir: join(scratch, "data") }, quorate);
  const found = await etcdctl(ETCD_35, quorate.memberUrl(2), ["get", "kept", "--print-value-only"]);
  expect(found.stdout).toBe("value\n");
}, 180_000);

test("another shape of cluster over the same data is refused", async () => {
  await quorate.interrupt();
  const refused = await refusedStart([`--data-dir=${quorate.dataDir}`, "--members=1"]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/^The cluster in .* has 3 member\(s\) on client ports/);
  rmSync(join(quorate.dataDir, "member-3"), { recursive: true });
  const base = quorate.clientPortBase;
  const lost = await refusedStart([`--data-dir=${quorate.dataDir}`, `--client-port-base=${base}`]);
  expect(lost.stderr).toMatch(/^The data of member-3 is missing from/);
});
