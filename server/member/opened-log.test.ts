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

const NOBODY_ASKED = {
  dial: () => {
    throw new Error("nobody is asked");
  },
  expectName: () => undefined,
};

function configOf(flags: readonly string[]) {
  const asked = readConfig([`--data-dir=${dataDir}`, "--name=m", ...flags], {});
  if (asked.kind !== "member") throw new Error("no member was asked for");
  return asked.config;
}

test("the data folder of another make of etcd is refused, and left as it was", async () => {
  const config = configOf([]);
  const folder = openDataFolder(config, SILENT_LOG);
  mkdirSync(folder.wal);
  writeFileSync(join(folder.wal, "0000000000000000-0000000000000000.wal"), "theirs");
  const clock = new SystemClock();
  const surroundings = { config, folder, clock, log: SILENT_LOG, names: systemNames(clock) };
  const opening = openLog({ ...surroundings, peerTls: NOBODY_ASKED }, {});
  await expect(opening).rejects.toThrow("none of this program's logs");
  expect(readdirSync(folder.wal)).toEqual(["0000000000000000-0000000000000000.wal"]);
});

test.for<readonly [scheme: string, flags: readonly string[], expected: readonly string[]]>([
  ["https", [], ["example.test"]],
  ["https", ["--peer-trusted-ca-file=ca.pem"], []],
  ["http", [], []],
])(
  "members found by %s in a domain are to be called like it unless authorities are given: %s",
  async ([scheme, flags, expected]) => {
    const own = `${scheme}://10.0.0.1:2380`;
    const urls = [`--initial-advertise-peer-urls=${own}`, `--listen-peer-urls=${own}`];
    const config = configOf(["--discovery-srv=example.test", ...urls, ...flags]);
    const folder = openDataFolder(config, SILENT_LOG);
    const wanted = `_etcd-server${scheme === "https" ? "-ssl" : ""}._tcp.example.test`;
    const names = {
      lookUp: async () => "10.0.0.1",
      services: async (question: string) =>
        question === wanted ? [{ host: "m.example.test", port: 2380 }] : [],
    };
    const found: string[] = [];
    const peerTls = { ...NOBODY_ASKED, expectName: (name: string) => void found.push(name) };
    const clock = new SystemClock();
    const surroundings = { config, folder, clock, log: SILENT_LOG, names, peerTls };
    const { wal } = await openLog(surroundings, {});
    await wal.close();
    expect(found).toEqual(expected);
  },
);
