import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SystemClock } from "../base/clock.ts";
import { SeededRandom } from "../base/random.ts";
import { FileWal, type FileWalOptions } from "./file-wal.ts";
import { WalCorruptionError, type WalState } from "./wal.ts";
import {
  batch,
  describeWal,
  entries,
  entry,
  METADATA,
  snapshotAt,
} from "./wal-conformance.suite.ts";

const root = mkdtempSync(join(tmpdir(), "file-wal-"));
const directories = new WeakMap<object, string>();
const SMALL: FileWalOptions = { segmentBytes: 16 * 1024 };
/** On a clock that stands still every sync takes no time. */
class StandingClock extends SystemClock {
  override monotonic(): number {
    return 0;
  }
}
const QUICK: FileWalOptions = { ...SMALL, clock: new StandingClock() };
let count = 0;

afterAll(() => rmSync(root, { recursive: true }));

const newDirectory = () => join(root, `wal-${count++}`);

async function create(options = SMALL): Promise<{ wal: FileWal; directory: string }> {
  const directory = newDirectory();
  const wal = await FileWal.create(directory, METADATA, options);
  directories.set(wal, directory);
  return { wal, directory };
}

/** The files as they are now, as if the process had been killed. */
function copyOf(directory: string): string {
  for (;;) {
    const copy = newDirectory();
    try {
      cpSync(directory, copy, { recursive: true });
    } catch (error) {
      // A released segment got its new name meanwhile.
      if (error instanceof Error && "code" in error && error.code === "ENOENT") continue;
      throw error;
    }
    rmSync(join(copy, "LOCK"), { force: true });
    return copy;
  }
}

async function open(
  directory: string,
  options = SMALL,
): Promise<{ wal: FileWal; state: WalState }> {
  const opened = await FileWal.open(directory, options);
  directories.set(opened.wal, directory);
  return opened;
}

/** What a copy of the directory says when it is opened; the copy is closed and gone afterwards. */
async function stateOf(directory: string): Promise<WalState> {
  const { wal, state } = await open(directory);
  await wal.close();
  rmSync(directory, { recursive: true });
  return state;
}

const segmentsOf = (directory: string) =>
  readdirSync(directory)
    .filter((name) => name.endsWith(".wal"))
    .sort();

const lastSegment = (directory: string) => join(directory, segmentsOf(directory).at(-1) ?? "none");

describeWal("FileWal", {
  create: async () => (await create()).wal,
  reopen: async (wal, isClosed) => {
    const directory = directories.get(wal) as string;
    if (isClosed) return open(directory);
    const copy = copyOf(directory);
    await wal.close();
    return open(copy);
  },
});

describeWal("FileWal whose disk is quick", {
  create: async () => (await create(QUICK)).wal,
  reopen: async (wal, isClosed) => {
    const directory = directories.get(wal) as string;
    if (isClosed) return open(directory, QUICK);
    const copy = copyOf(directory);
    await wal.close();
    return open(copy, QUICK);
  },
});

test("on a quick disk an append is over when it returns, and not on one that is not measured", async () => {
  const { wal } = await create(QUICK);
  await wal.append(batch([entry(1)]));
  expect(wal.append(batch([entry(2)]))).toBeUndefined();
  const other = (await create()).wal;
  await other.append(batch([entry(1)]));
  const writing = other.append(batch([entry(2)]));
  expect(writing).toBeInstanceOf(Promise);
  await writing;
  for (const each of [wal, other]) await each.close();
});

test("cut at every byte, the log holds every append before the cut and none after", async () => {
  const { wal, directory } = await create();
  const ends = [statEnd(directory)];
  for (let i = 1; i <= 4; i++) {
    await wal.append(batch([entry(2 * i - 1), entry(2 * i)]));
    ends.push(statEnd(directory));
  }
  const whole = readFileSync(lastSegment(directory));
  const [head = 0] = ends;
  for (let cut = head; cut <= (ends.at(-1) ?? 0); cut++) {
    const copy = copyOf(directory);
    // A crash leaves the rest of the segment as it was: zeros.
    writeFileSync(lastSegment(copy), Buffer.concat([whole.subarray(0, cut)], whole.length));
    const appends = ends.filter((end) => end <= cut).length - 1;
    // The last bytes of a record are padding: zeros, with or without the cut.
    const { entries: found } = await stateOf(copy);
    expect(found.length).toBeGreaterThanOrEqual(2 * appends);
    expect(found.length - 2 * appends).toBeLessThanOrEqual(2);
    expect(found).toEqual(entries(1, found.length));
  }
  await wal.close();
});

/** End of the last byte that is not zero: of the records, up to padding. */
function statEnd(directory: string): number {
  const bytes = readFileSync(lastSegment(directory));
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return (end + 7) & ~7;
}

test("a flipped byte in a log that was closed is always refused, with file and offset", async () => {
  const { wal, directory } = await create();
  for (let i = 1; i <= 60; i++) await wal.append(batch([entry(i, 1, "x".repeat(i * 20))]));
  await wal.close();
  const files = segmentsOf(directory);
  expect(files.length).toBeGreaterThan(1);
  const random = new SeededRandom(42);
  for (let round = 0; round < 150; round++) {
    const copy = copyOf(directory);
    const name = files[random.below(files.length)] as string;
    const bytes = readFileSync(join(copy, name));
    const isLast = name === files.at(-1);
    const used = statEndOf(bytes) - (isLast ? CLOSED_BYTES : 0);
    const at = random.below(used);
    bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
    writeFileSync(join(copy, name), bytes);
    const error: unknown = await stateOf(copy).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    // A flip in the padding behind a record changes nothing that counts.
    if (error === undefined) continue;
    expect(error).toBeInstanceOf(WalCorruptionError);
    expect((error as WalCorruptionError).file).toBe(join(copy, name));
    expect((error as WalCorruptionError).offset).toBeLessThanOrEqual(at);
  }
});

const CLOSED_BYTES = 56;

function statEndOf(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

test("damage never shortens the log by more than the last append", async () => {
  const { wal, directory } = await create(SMALL);
  for (let i = 1; i <= 40; i++) await wal.append(batch([entry(i)]));
  const pristine = copyOf(directory);
  await wal.close();
  const end = statEndOf(readFileSync(lastSegment(pristine)));
  const random = new SeededRandom(7);
  let refused = 0;
  for (let round = 0; round < 150; round++) {
    const copy = copyOf(pristine);
    const bytes = readFileSync(lastSegment(copy));
    const at = random.below(end);
    bytes[at] = (bytes[at] as number) ^ (1 + random.below(255));
    writeFileSync(lastSegment(copy), bytes);
    try {
      const { entries: found } = await stateOf(copy);
      expect(found.length).toBeGreaterThanOrEqual(39);
      expect(found).toEqual(entries(1, found.length));
    } catch (error) {
      expect(error).toBeInstanceOf(WalCorruptionError);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(100);
});

test("a record of another history in the place of one is refused: the chain breaks behind it", async () => {
  const { wal, directory } = await create();
  await wal.append(batch([entry(1, 1, "common")]));
  const sibling = copyOf(directory);
  const from = statEnd(directory);
  await wal.append(batch([entry(2, 1, "ours")]));
  const to = statEnd(directory);
  await wal.append(batch([entry(3, 1, "end")]));
  const other = (await open(sibling)).wal;
  await other.append(batch([entry(2, 1, "them")]));
  const bytes = readFileSync(lastSegment(directory));
  readFileSync(lastSegment(sibling)).copy(bytes, from, from, to);
  const mixed = copyOf(directory);
  writeFileSync(lastSegment(mixed), bytes);
  await expect(stateOf(mixed)).rejects.toThrow(
    `at offset ${to}: the record does not follow the one before it`,
  );
  await Promise.all([wal.close(), other.close()]);
});

test("a power cut in an append, whatever sectors were written, costs that append at most", async () => {
  const random = new SeededRandom(3);
  const { wal, directory } = await create({ segmentBytes: 64 * 1024 });
  let index = 0;
  let survivals = 0;
  for (let round = 0; round < 120; round++) {
    const name = lastSegment(directory);
    const before = readFileSync(name);
    const acknowledged = index;
    const added = entries(index + 1, index + 1 + random.below(8)).map((one) => ({
      ...one,
      data: Buffer.alloc(random.below(1_500), one.index),
    }));
    await wal.append(batch(added));
    index += added.length;
    const copy = copyOf(directory);
    if (lastSegment(directory) === name) {
      const after = readFileSync(name);
      for (let sector = 0; sector < after.length; sector += 512) {
        if (random.below(2) === 0) before.copy(after, sector, sector, sector + 512);
      }
      writeFileSync(lastSegment(copy), after);
    }
    const { entries: found } = await stateOf(copy);
    if (found.length === index) survivals++;
    else expect(found.length).toBe(acknowledged);
    expect(found.map((one) => one.index)).toEqual(entries(1, found.length).map((e) => e.index));
  }
  await wal.close();
  expect(survivals).toBeGreaterThan(5);
  expect(survivals).toBeLessThan(115);
});

test("of unsynced appends that reached the disk out of order the first hole ends the log", async () => {
  const { wal, directory } = await create();
  await wal.append(batch(entries(1, 2)));
  const holeAt = statEnd(directory);
  for (let i = 3; i <= 6; i++) await wal.append(batch([entry(i)], { sync: false }));
  const copy = copyOf(directory);
  await wal.close();
  const bytes = readFileSync(lastSegment(copy));
  bytes.fill(0, holeAt, holeAt + 24);
  writeFileSync(lastSegment(copy), bytes);
  const { wal: cut, state } = await open(copy);
  expect(state.entries).toEqual(entries(1, 2));
  await cut.append(batch([entry(3, 2)]));
  const again = copyOf(copy);
  await cut.close();
  expect((await stateOf(again)).entries).toEqual([...entries(1, 2), entry(3, 2)]);
});

test("an unsynced append becomes durable with the next synced one", async () => {
  const { wal, directory } = await create();
  await wal.append(batch([entry(1)], { sync: false }));
  await wal.append(batch([entry(2)]));
  const copy = copyOf(directory);
  await wal.close();
  expect((await stateOf(copy)).entries).toEqual(entries(1, 2));
});

test("a recycled segment does not bring its old records back", async () => {
  const { wal, directory } = await create();
  const inode = statSync(lastSegment(directory)).ino;
  let index = 0;
  let isRecycled = false;
  for (let round = 0; round < 200 && !isRecycled; round++) {
    for (let i = 0; i < 10; i++) await wal.append(batch([entry(++index, 1, "old".repeat(200))]));
    await wal.append(batch([], { snapshot: snapshotAt(index - 1, 1) }));
    wal.release(index - 1);
    const last = lastSegment(directory);
    isRecycled = round > 2 && statSync(last).ino === inode;
  }
  expect(isRecycled).toBe(true);
  expect(segmentsOf(directory).length).toBeLessThanOrEqual(3);
  // The rest of the recycled file is full of records of its former life.
  expect(statEndOf(readFileSync(lastSegment(directory)))).toBeGreaterThan(12_000);
  const copy = copyOf(directory);
  await wal.close();
  const state = await stateOf(copy);
  expect(state.snapshot.index).toBe(index - 1);
  expect(state.entries).toEqual([entry(index, 1, "old".repeat(200))]);
});

test("released segments go, and the log opens from the ones that stay", async () => {
  const { wal, directory } = await create();
  for (let i = 1; i <= 500; i++) await wal.append(batch([entry(i, 1, "y".repeat(300))]));
  const before = segmentsOf(directory).length;
  expect(before).toBeGreaterThan(8);
  await wal.append(batch([], { snapshot: snapshotAt(450, 1), sync: false }));
  wal.release(450);
  // A marker that a crash can still undo frees nothing.
  expect(segmentsOf(directory)).toHaveLength(before);
  await wal.append(batch([entry(501, 1, "z")]));
  await wal.close();
  expect(segmentsOf(directory).length).toBeLessThan(before / 2);
  const { wal: again, state } = await open(directory);
  expect(state.snapshot).toEqual(snapshotAt(450, 1));
  expect(state.entries.map(({ index }) => index)).toEqual(
    Array.from({ length: 51 }, (_, i) => 451 + i),
  );
  await again.close();
});

test("a missing segment in the middle is refused", async () => {
  const { wal, directory } = await create();
  for (let i = 1; i <= 300; i++) await wal.append(batch([entry(i, 1, "y".repeat(300))]));
  await wal.close();
  const names = segmentsOf(directory);
  rmSync(join(directory, names[Math.floor(names.length / 2)] as string));
  await expect(FileWal.open(directory, SMALL)).rejects.toThrow(WalCorruptionError);
});

test("an append larger than a segment is kept whole", async () => {
  const { wal, directory } = await create();
  await wal.append(batch([entry(1)]));
  const large = { ...entry(2), data: Buffer.alloc(1_536 * 1024, 0xa5) };
  await wal.append(batch([large, entry(3)]));
  await wal.append(batch([entry(4)]));
  const copy = copyOf(directory);
  await wal.close();
  const state = await stateOf(copy);
  expect(state.entries.map(({ index }) => index)).toEqual([1, 2, 3, 4]);
  expect(state.entries[1]?.data.equals(large.data)).toBe(true);
});

test("opened and closed many times, with a little written each time, nothing is lost", async () => {
  const { wal, directory } = await create();
  await wal.close();
  for (let i = 1; i <= 150; i++) {
    const opened = await open(directory);
    expect(opened.state.entries).toHaveLength(i - 1);
    await opened.wal.append(batch([entry(i, 1, "w".repeat(200))]));
    await opened.wal.close();
  }
  expect(segmentsOf(directory).length).toBeGreaterThan(2);
});

test("a crash between the name of a segment and its head loses nothing", async () => {
  const { wal, directory } = await create();
  await wal.append(batch(entries(1, 3)));
  const copy = copyOf(directory);
  await wal.close();
  writeFileSync(join(copy, "0000000000000002.wal"), Buffer.alloc(16 * 1024));
  const { wal: next, state } = await open(copy);
  expect(state.entries).toEqual(entries(1, 3));
  await next.append(batch([entry(4)]));
  await next.close();
  expect((await stateOf(copy)).entries).toEqual(entries(1, 4));
});

test("a creation that a crash cut off leaves no log, and the next one succeeds", async () => {
  const directory = newDirectory();
  expect(FileWal.exists(directory)).toBe(false);
  cpSync(join((await create()).directory), `${directory}.new`, { recursive: true });
  expect(FileWal.exists(directory)).toBe(false);
  const wal = await FileWal.create(directory, METADATA, SMALL);
  expect(FileWal.exists(directory)).toBe(true);
  expect(existsSync(`${directory}.new`)).toBe(false);
  await wal.close();
});

test("only one process writes: a second open is refused, a dead holder's lock is not", async () => {
  const { wal, directory } = await create();
  await expect(FileWal.open(directory, SMALL)).rejects.toThrow("is in use by process");
  await wal.close();
  const child = spawn(process.execPath, ["-e", "console.log(process.pid)"]);
  const pid = Number.parseInt(String((await once(child.stdout, "data"))[0]), 10);
  await once(child, "close");
  writeFileSync(join(directory, "LOCK"), `${pid} 1 another-boot\n`);
  await (await open(directory)).wal.close();
  // The id lives on, but in a program that began at another time.
  writeFileSync(join(directory, "LOCK"), `${process.pid} 1 another-boot\n`);
  await (await open(directory)).wal.close();
});

test("nobody else may read the log: folder 0700, files 0600", async () => {
  const { wal, directory } = await create();
  for (let i = 1; i <= 100; i++) await wal.append(batch([entry(i, 1, "y".repeat(300))]));
  await wal.close();
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(directory)) {
    expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  }
});

test("after a write that the disk refused every append fails, and the log opens without it", async () => {
  const directory = newDirectory();
  const script = join(import.meta.dirname, "append-on-small-disk.suite.ts");
  const shell = ["-c", 'ulimit -f 100; exec "$0" "$@"', process.execPath, script, directory];
  const child = spawn("bash", shell, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (text: Buffer) => {
    output += text.toString();
  });
  const [exitCode] = await once(child, "close");
  expect(exitCode).toBe(0);
  const lines = output.trim().split("\n");
  expect(lines.slice(-3)).toEqual(["refused", "refused again", "closed"]);
  const { entries: found } = (await open(directory)).state;
  expect(found).toHaveLength(lines.filter((line) => line === "appended").length);
});

test("how long a sync took is told", async () => {
  const durations: number[] = [];
  let now = 0;
  const clock = {
    now: () => 0,
    monotonic: () => (now += 5),
    after: () => () => undefined,
    every: () => () => undefined,
    soon: () => undefined,
  };
  const options = { ...SMALL, clock, onSync: (ms: number) => durations.push(ms) };
  const { wal } = await create(options);
  await wal.append(batch([entry(1)]));
  await wal.append(batch([entry(2)], { sync: false }));
  await wal.close();
  expect(durations).toEqual([5]);
});

test("without syncs an append waits for nothing, and a closed log still holds all of it", async () => {
  const syncs: number[] = [];
  const onSync = (ms: number) => void syncs.push(ms);
  const options = { ...SMALL, clock: new SystemClock(), isSynced: false, onSync };
  const { wal, directory } = await create(options);
  expect(wal.append(batch([entry(1), entry(2)]))).toBeUndefined();
  expect(syncs).toEqual([]);
  await wal.close();
  const { wal: again, state } = await FileWal.open(directory, SMALL);
  expect(state.entries).toHaveLength(2);
  await again.close();
});
