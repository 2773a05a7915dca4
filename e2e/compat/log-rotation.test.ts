// A member of each make writes more log than a file may hold: both leave the same files behind.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { KeyClient } from "../harness/key-client.ts";
import { ClusterProcess, type Make } from "../harness/member-process.ts";

const MEBIBYTE = 1024 * 1024;
const BACKUPS = 2;
/** Of a message that comes more than 100 times in a second only some are written. */
const TXNS = 270;
const ROUND = 90;
const ROUND_MS = 1_100;
/** Keys of a request stand in its line, up to 16 KiB of them. */
const KEYS = 14;
const KEY_BYTES = 1_000;
const BACKUP = /^etcd-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\.log/;

let folder: string;
let member: ClusterProcess;

afterEach(async () => {
  await member.stop();
  rmSync(folder, { recursive: true, force: true });
});

const filesNow = () => readdirSync(folder).sort((a, b) => (a < b ? -1 : 1));
const shapeNow = () => filesNow().map((name) => name.replace(BACKUP, "etcd-TIME.log"));

test.each<Make>(["etcd-3.5", "quorate"])("what is full is put aside by %s", async (make) => {
  folder = mkdtempSync(join(tmpdir(), "quorate-rotation-"));
  // Who may read what an operator has put there may read what comes after it.
  writeFileSync(join(folder, "etcd.log"), "", { mode: 0o640 });
  const rotation = { maxsize: 1, maxbackups: BACKUPS, compress: true };
  member = await ClusterProcess.start({
    make,
    size: 1,
    flags: [
      "--log-level=debug",
      `--log-outputs=${join(folder, "etcd.log")}`,
      "--enable-log-rotation",
      `--log-rotation-config-json=${JSON.stringify(rotation)}`,
    ],
  });
  const client = new KeyClient(member.endpoints);
  for (let at = 0; at < TXNS; at++) {
    if (at > 0 && at % ROUND === 0) await delay(ROUND_MS);
    const key = (i: number) => `${at}/${i}`.padEnd(KEY_BYTES, "k");
    await client.putAll(Array.from({ length: KEYS }, (_, i) => [key(i), ""] as const));
  }
  client.close();
  // A member that ends leaves uncompressed what it had not come to.
  await expect.poll(shapeNow).toEqual(["etcd-TIME.log.gz", "etcd-TIME.log.gz", "etcd.log"]);
  await member.member(0).stop();

  const files = filesNow().map((name) => join(folder, name));
  for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o640);
  const texts = files.map((file) => {
    const bytes = readFileSync(file);
    return file.endsWith(".gz") ? gunzipSync(bytes) : bytes;
  });
  const sizes = texts.map(({ length }) => length);
  for (const size of sizes) expect(size).toBeLessThanOrEqual(MEBIBYTE);
  // Nothing is lost and nothing torn where one file ends and the next begins.
  const requests = Buffer.concat(texts)
    .toString("utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { msg: string; "request content": string })
    .filter(({ msg }) => msg === "request stats")
    .map((line) => Number(/key:"(\d+)\//.exec(line["request content"])?.[1]));
  const first = requests[0] ?? TXNS;
  expect(first).toBeGreaterThan(0);
  expect(first).toBeLessThan(TXNS);
  expect(requests).toEqual(Array.from({ length: TXNS - first }, (_, i) => first + i));
});
