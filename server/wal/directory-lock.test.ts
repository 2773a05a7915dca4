import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { SteppedClock } from "../base/stepped-clock.suite.ts";
import { DirectoryLock } from "./directory-lock.ts";
import { FileWal } from "./file-wal.ts";
import { batch, entry, METADATA } from "./wal-conformance.suite.ts";

const root = mkdtempSync(join(tmpdir(), "directory-lock-"));
const LIMIT_MS = 5000;

afterAll(() => rmSync(root, { recursive: true }));

function newDirectory(): { directory: string; file: string } {
  const directory = mkdtempSync(join(root, "held-"));
  return { directory, file: join(directory, "LOCK") };
}

const boot = () => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
/** A process that, by its id alone, could be the first one of any container. */
const foreign = () => `1 4711 ${boot()} pid:[1]\n`;

/** A start that finds a foreign lock; step by step goes on what it then does, and the holder. */
async function watched(directory: string, step: () => void) {
  const clock = new SteppedClock();
  const waits: [number, number][] = [];
  const onWait = (pid: number, limitMs: number) => void waits.push([pid, limitMs]);
  const starting = DirectoryLock.acquire(directory, { clock, onWait });
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  starting.then(over, over);
  // The lock's file is opened and synced in the pool, for as long as that takes.
  await expect.poll(() => waits.length).toBe(1);
  let waitedMs = 0;
  for (; !isOver && waitedMs < 10 * LIMIT_MS; waitedMs += 100) {
    step();
    // A file's time of change tells some ms apart.
    await new Promise((resolve) => setTimeout(resolve, 10));
    await clock.advance(100);
  }
  return { starting, waits, waitedMs };
}

test("a lock names its process, start, boot and PID namespace, and goes when released", async () => {
  const { directory, file } = newDirectory();
  const lock = await DirectoryLock.acquire(directory);
  const namespace = readlinkSync("/proc/self/ns/pid");
  const name = readFileSync(file, "utf8").split(" ");
  expect(name).toEqual([
    `${process.pid}`,
    expect.stringMatching(/^\d+$/),
    boot(),
    `${namespace}\n`,
  ]);
  await expect(DirectoryLock.acquire(directory)).rejects.toThrow(
    `${directory} is in use by process ${process.pid}`,
  );
  await lock.release();
  expect(existsSync(file)).toBe(false);
});

test("a lock of another PID namespace that is written again and again is held", async () => {
  const { directory, file } = newDirectory();
  writeFileSync(file, foreign());
  const { starting, waits, waitedMs } = await watched(directory, () =>
    writeFileSync(file, foreign()),
  );
  await expect(starting).rejects.toThrow(
    `${directory} is in use by process 1 of another container`,
  );
  expect(waitedMs).toBeLessThan(LIMIT_MS);
  expect(waits).toEqual([[1, LIMIT_MS]]);
  expect(readFileSync(file, "utf8")).toBe(foreign());
});

test("a lock of another PID namespace that nobody writes is taken over, after the limit", async () => {
  const { directory, file } = newDirectory();
  writeFileSync(file, foreign());
  const { starting, waitedMs } = await watched(directory, () => undefined);
  expect(waitedMs).toBeGreaterThanOrEqual(LIMIT_MS);
  expect(waitedMs).toBeLessThan(LIMIT_MS + 1000);
  const lock = await starting;
  expect(readFileSync(file, "utf8")).toMatch(new RegExp(`^${process.pid} `));
  await lock.release();
});

test("a lock that is released while it is watched is taken at once", async () => {
  const { directory, file } = newDirectory();
  writeFileSync(file, foreign());
  const { starting, waitedMs } = await watched(directory, () => rmSync(file, { force: true }));
  expect(waitedMs).toBeLessThan(1500);
  await (await starting).release();
});

test("a lock left in the same PID namespace, or before it was recorded, is taken at once", async () => {
  const namespace = readlinkSync("/proc/self/ns/pid");
  const ours = `${process.pid} 1 ${boot()}`;
  for (const left of [`${ours} ${namespace}\n`, `${ours}\n`, `1 4711 another-boot pid:[1]\n`, ""]) {
    const { directory, file } = newDirectory();
    writeFileSync(file, left);
    const onWait = () => expect.unreachable("there is nothing to wait for");
    await (await DirectoryLock.acquire(directory, { onWait })).release();
  }
});

test("a holder writes its lock every second, and is told when another one has it", async () => {
  const { directory, file } = newDirectory();
  const clock = new SteppedClock();
  const lock = await DirectoryLock.acquire(directory, { clock });
  const losses: string[] = [];
  lock.onLost = (error) => void losses.push(error.message);
  utimesSync(file, 1, 1);
  const writtenMs = async () => {
    await clock.advance(1000);
    return statSync(file).mtimeMs;
  };
  await expect.poll(writtenMs).toBeGreaterThan(1000);
  expect(losses).toEqual([]);
  rmSync(file);
  writeFileSync(file, foreign());
  const lossesSoon = async () => {
    await clock.advance(1000);
    return losses;
  };
  await expect.poll(lossesSoon).toContain(`${file} was taken over by process 1`);
  await lock.release();
  expect(readFileSync(file, "utf8")).toBe(foreign());
});

test("a holder that stood still looks before it writes anything more", async () => {
  const { directory, file } = newDirectory();
  const clock = new SteppedClock();
  const lock = await DirectoryLock.acquire(directory, { clock });
  rmSync(file);
  writeFileSync(file, foreign());
  lock.confirm();
  vi.spyOn(clock, "monotonic").mockReturnValue(4000);
  expect(() => lock.confirm()).toThrow(`${file} was taken over by process 1`);
  await lock.release();
});

test("a log whose directory another process took over appends nothing more", async () => {
  const directory = join(root, "log");
  const wal = await FileWal.create(directory, METADATA, { segmentBytes: 16 * 1024 });
  await wal.append(batch([entry(1)]));
  rmSync(join(directory, "LOCK"));
  writeFileSync(join(directory, "LOCK"), foreign());
  let index = 1;
  const append = async () => {
    try {
      await wal.append(batch([entry(++index)]));
      return "";
    } catch (error) {
      return String(error);
    }
  };
  await expect.poll(append, { timeout: 5000 }).toContain("LOCK was taken over by process 1");
  await wal.close();
});
