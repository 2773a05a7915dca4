import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { type Engine, EngineCorruptionError } from "./engine.ts";
import { describeEngine } from "./engine-conformance.suite.ts";
import { bytes } from "./engine-model.suite.ts";
import { LmdbEngine } from "./lmdb-engine.ts";

const root = mkdtempSync(join(tmpdir(), "lmdb-engine-"));
const directories = new Map<Engine, string>();
const opened: Engine[] = [];
let count = 0;

async function openAt(directory: string): Promise<LmdbEngine> {
  const engine = await LmdbEngine.open(directory);
  directories.set(engine, directory);
  return engine;
}

const newDirectory = () => join(root, `engine-${count++}`);

async function create(): Promise<{ engine: LmdbEngine; directory: string }> {
  const directory = newDirectory();
  const engine = await openAt(directory);
  opened.push(engine);
  return { engine, directory };
}

const stateFile = (directory: string) =>
  join(directory, readdirSync(directory).find((name) => name.endsWith(".lmdb")) ?? "none");

afterEach(async () => {
  for (const engine of opened.splice(0)) await engine.close();
});
afterAll(() => rmSync(root, { recursive: true }));

describeEngine("LmdbEngine", {
  create: () => openAt(newDirectory()),
  // The file as a crash leaves it: copied while the engine still has it open.
  reopenAfterCrash: async (engine) => {
    const copy = newDirectory();
    cpSync(directories.get(engine) as string, copy, { recursive: true });
    await engine.close();
    return openAt(copy);
  },
});

test("kill -9 at any time leaves one commit, whole, and never an older one than was promised", async () => {
  for (const commitsBefore of [1, 24, 40]) {
    const directory = newDirectory();
    const script = join(import.meta.dirname, "commit-forever.suite.ts");
    const child = spawn(process.execPath, [script, directory], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let promised = 0;
    child.stdout.on("data", (text: Buffer) => {
      promised = Number(text.toString().trim().split("\n").at(-1));
      if (promised >= commitsBefore) child.kill("SIGKILL");
    });
    await once(child, "close");
    const engine = await openAt(directory);
    opened.push(engine);
    const rows = [...engine.scan("key"), ...engine.scan("lease"), ...engine.scan("meta")];
    const numbers = new Set(rows.map(([, value]) => value.readUInt32BE()));
    expect(rows).toHaveLength(201);
    expect(numbers.size).toBe(1);
    expect([...numbers][0]).toBeGreaterThanOrEqual(promised);
  }
});

test("a flipped byte is an error that names table and key, on get and on scan", async () => {
  const { engine, directory } = await create();
  engine.put("lease", bytes("lease 7"), bytes("a value that can be found in the file"));
  engine.put("lease", bytes("lease 8"), bytes("sound"));
  await engine.close();
  const path = stateFile(directory);
  const file = readFileSync(path);
  const at = file.lastIndexOf("that can be found");
  file[at + 3] = (file[at + 3] as number) ^ 0x10;
  writeFileSync(path, file);
  const damaged = await openAt(directory);
  opened.push(damaged);
  expect(damaged.get("lease", bytes("lease 8"))).toEqual(bytes("sound"));
  expect(() => damaged.get("lease", bytes("lease 7"))).toThrow(EngineCorruptionError);
  expect(() => [...damaged.scan("lease")]).toThrow('table "lease", key 6c656173652037');
  await expect(damaged.defragment()).rejects.toThrow(EngineCorruptionError);
});

test("a file that lost its end, or is none of LMDB's, is an error and not the process's end", async () => {
  const { engine, directory } = await create();
  for (let i = 0; i < 500; i++) engine.put("key", bytes(`key ${i}`), Buffer.alloc(200, i));
  await engine.close();
  const whole = readFileSync(stateFile(directory));
  const damagedFile = (content: Buffer) => {
    const copy = newDirectory();
    cpSync(directory, copy, { recursive: true });
    writeFileSync(stateFile(copy), content);
    return copy;
  };
  for (const size of [8192, Math.floor(whole.length / 2)]) {
    const cut = damagedFile(whole.subarray(0, size));
    const read = async () => {
      const opened = await LmdbEngine.open(cut);
      try {
        return [...opened.scan("key")];
      } finally {
        await opened.close();
      }
    };
    await expect(read(), `cut at ${size}`).rejects.toThrow();
  }
  for (const content of [Buffer.alloc(50_000, 0x5a), whole.subarray(0, 100)]) {
    await expect(LmdbEngine.open(damagedFile(content))).rejects.toThrow("it is no LMDB file");
  }
});

test("a flipped byte in a key is noticed by a scan", async () => {
  const { engine, directory } = await create();
  engine.put("auth", bytes("a key to be found"), bytes("value"));
  await engine.close();
  const path = stateFile(directory);
  const file = readFileSync(path);
  for (let at = file.indexOf("a key to be"); at >= 0; at = file.indexOf("a key to be", at)) {
    file[at] = 0x62;
  }
  writeFileSync(path, file);
  const damaged = await openAt(directory);
  opened.push(damaged);
  expect(() => [...damaged.scan("auth")]).toThrow(EngineCorruptionError);
});

test("after a commit that the disk refused every call fails, and the one before stands", async () => {
  const directory = newDirectory();
  const script = join(import.meta.dirname, "commit-on-small-disk.suite.ts");
  // Files larger than 2 MiB fail with EFBIG, as a full disk does with ENOSPC.
  const command = 'ulimit -f 2048; exec "$0" "$@"';
  const shell = ["-c", command, process.execPath, script, directory];
  const child = spawn("bash", shell, { stdio: ["ignore", "pipe", "ignore"] });
  let output = "";
  child.stdout.on("data", (text: Buffer) => {
    output += text.toString();
  });
  const [exitCode] = await once(child, "close");
  expect(output.trim().split("\n")).toEqual([
    "committed",
    "in flight: EngineFailedError",
    "behind it: EngineFailedError",
    "afterwards: EngineFailedError",
    "get: EngineFailedError",
    "put: EngineFailedError",
    "closed",
  ]);
  expect(exitCode).toBe(0);
  const reopened = await openAt(directory);
  opened.push(reopened);
  expect([...reopened.scan("key")]).toEqual([[bytes("a"), bytes("1")]]);
});

test("defragmenting gives the space of deleted rows back to the file system", async () => {
  const { engine, directory } = await create();
  for (let i = 0; i < 200; i++) engine.put("key", bytes(`key ${i}`), Buffer.alloc(10_000));
  await engine.commit();
  for (let i = 0; i < 199; i++) engine.delete("key", bytes(`key ${i}`));
  await engine.commit();
  const before = engine.size();
  expect(before.inUseBytes).toBeLessThan(before.totalBytes / 4);
  await engine.defragment();
  const after = engine.size();
  expect(after.totalBytes).toBeLessThan(before.totalBytes / 4);
  expect(statSync(stateFile(directory)).size).toBe(after.totalBytes);
  expect(readdirSync(directory).filter((name) => !name.endsWith("-lock"))).toHaveLength(1);
});

test("a rewrite that a crash cut off is forgotten", async () => {
  const { engine, directory } = await create();
  engine.put("key", bytes("a"), bytes("1"));
  await engine.close();
  opened.splice(0);
  writeFileSync(join(directory, "v1-00000002.partial"), "half a file");
  writeFileSync(join(directory, "v1-00000002.partial-lock"), "");
  const reopened = await openAt(directory);
  opened.push(reopened);
  expect(reopened.get("key", bytes("a"))).toEqual(bytes("1"));
  await reopened.defragment();
  expect(reopened.get("key", bytes("a"))).toEqual(bytes("1"));
});

test("nobody else may read the state: folder 0700, files 0600", async () => {
  const { engine, directory } = await create();
  engine.put("auth", bytes("a"), bytes("secret"));
  await engine.defragment();
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(directory)) {
    expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  }
});

test("whether a state exists is known before one is made", async () => {
  const directory = newDirectory();
  expect(LmdbEngine.exists(directory)).toBe(false);
  const engine = await openAt(directory);
  opened.push(engine);
  expect(LmdbEngine.exists(directory)).toBe(true);
});
