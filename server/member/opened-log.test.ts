import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SystemClock } from "../base/clock.ts";
import { SILENT_LOG } from "../base/log.ts";
import { readConfig } from "../config/read-config.ts";
import { openDataFolder } from "./data-folder.ts";
import { systemNames } from "./name-service.ts";
import { openLog } from "./opened-log.ts";

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "quorate-opened-log-"));
});

afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

const noDial = () => {
  throw new Error("nobody is asked");
};

test("the data folder of another make of etcd is refused, and left as it was", async () => {
  const asked = readConfig([`--data-dir=${dataDir}`, "--name=m"], {});
  if (asked.kind !== "member") throw new Error("no member was asked for");
  const { config } = asked;
  const folder = openDataFolder(config, SILENT_LOG);
  mkdirSync(folder.wal);
  writeFileSync(join(folder.wal, "0000000000000000-0000000000000000.wal"), "theirs");
  const names = systemNames(new SystemClock());
  const opening = openLog({ config, folder, log: SILENT_LOG, names, dialTls: noDial }, {});
  await expect(opening).rejects.toThrow("none of this program's logs");
  expect(readdirSync(folder.wal)).toEqual(["0000000000000000-0000000000000000.wal"]);
});
