import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { FileWal } from "./file-wal.ts";
import { HEADER_BYTES, RecordKind, writeRecord } from "./record.ts";
import { recordsOf, segmentName, segmentNumber } from "./segment.ts";
import { batch, entries, entry, METADATA, snapshotAt } from "./wal-conformance.suite.ts";

const root = mkdtempSync(join(tmpdir(), "log-secret-"));
const SMALL = { segmentBytes: 4096 };
const MEDIUM = { segmentBytes: 1024 * 1024 };
let count = 0;

afterAll(() => rmSync(root, { recursive: true }));

const newDirectory = () => join(root, `wal-${count++}`);

async function create(options: { segmentBytes: number }) {
  const directory = newDirectory();
  return { wal: await FileWal.create(directory, METADATA, options), directory };
}

/** The files as they are now, as if the process had been killed. */
function copyOf(directory: string): string {
  const copy = newDirectory();
  cpSync(directory, copy, { recursive: true });
  rmSync(join(copy, "LOCK"), { force: true });
  return copy;
}

function lastSegment(directory: string): { path: string; number: number } {
  const numbers = readdirSync(directory).flatMap((name) => segmentNumber(name) ?? []);
  const number = Math.max(...numbers);
  return { path: join(directory, segmentName(number)), number };
}

/** Where the records of a segment begin, and where they end. */
function offsetsOf({ path, number }: { path: string; number: number }): number[] {
  return [0, ...[...recordsOf(readFileSync(path), number)].map(({ end }) => end)];
}

function overwrite(path: string, at: number, bytes: Buffer): void {
  const fd = openSync(path, "r+");
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}

async function entriesIn(directory: string, options = SMALL): Promise<number[]> {
  const { wal, state } = await FileWal.open(directory, options);
  await wal.close();
  return state.entries.map(({ index }) => index);
}

/** Where the data of a record's only entry begins, behind the last multiple of 8 before it. */
const DATA_OFFSET = (HEADER_BYTES + 22) % 8;

/**
 * Numbers as a client may keep them: every 16 bytes look like the header of half a megabyte.
 * @param from where they will stand, modulo 8
 */
function posing(bytes: number, from: number): Buffer {
  const numbers = Buffer.alloc(16);
  numbers.writeUInt32LE(0x80000, 0);
  numbers.writeUInt32LE(RecordKind.BATCH, 12);
  return Buffer.concat([Buffer.alloc(-from & 7), Buffer.alloc(bytes, numbers)]);
}

test("values that look like records do not keep a recycled segment from being read", async () => {
  const { wal, directory } = await create(MEDIUM);
  const { ino } = statSync(lastSegment(directory).path);
  let index = 0;
  let isRecycled = false;
  for (let round = 0; round < 100 && !isRecycled; round++) {
    for (let i = 0; i < 4; i++) {
      await wal.append(batch([{ ...entry(++index), data: posing(100_000, DATA_OFFSET) }]));
    }
    await wal.append(batch([], { snapshot: snapshotAt(index, 1) }));
    wal.release(index);
    isRecycled = round > 2 && statSync(lastSegment(directory).path).ino === ino;
  }
  expect(isRecycled).toBe(true);
  await wal.append(batch([entry(index + 1)]));
  await wal.close();
  expect(await entriesIn(directory, MEDIUM)).toEqual([index + 1]);
});

test("a record that does not know the log's secret is not believed, at the end or behind", async () => {
  const { wal, directory } = await create(SMALL);
  await wal.append(batch(entries(1, 3)));
  const pristine = copyOf(directory);
  await wal.close();
  const segment = lastSegment(pristine);
  const records = [...recordsOf(readFileSync(segment.path), segment.number)];
  const { end = 0, checksum: previous = 0 } = records.at(-1) ?? {};
  const mark = readFileSync(segment.path).readUInt32LE((offsetsOf(segment)[1] as number) + 20);
  const forged = Buffer.alloc(512);
  const known = {
    mark: (mark - segment.number) >>> 0,
    salt: records[0]?.content?.owner?.secret?.salt,
  };
  for (const secret of [
    undefined,
    { mark: known.mark, salt: 1 },
    { mark: 1, salt: known.salt ?? 0 },
  ]) {
    for (const offset of [end, end + 64]) {
      const copy = copyOf(pristine);
      const place = { segment: segment.number, offset, secret };
      const content = { entries: [entry(4, 1, "forged")] };
      const past = { durable: offset, previous };
      const { length } = writeRecord(forged, RecordKind.BATCH, place, past, content);
      overwrite(lastSegment(copy).path, offset, forged.subarray(0, length));
      expect(await entriesIn(copy)).toEqual([1, 2, 3]);
    }
  }
});

test("damage to any record that later ones count on is found, that of a head too", async () => {
  const { wal, directory } = await create(SMALL);
  for (let i = 1; i <= 40; i++) await wal.append(batch([entry(i, 1, "x".repeat(100))]));
  const pristine = copyOf(directory);
  await wal.close();
  const offsets = offsetsOf(lastSegment(pristine)).slice(0, -2);
  expect(offsets.length).toBeGreaterThan(3);
  for (const offset of offsets) {
    const copy = copyOf(pristine);
    overwrite(lastSegment(copy).path, offset + HEADER_BYTES, Buffer.alloc(4, 0xff));
    await expect(FileWal.open(copy, SMALL)).rejects.toThrow(
      `at offset ${offset}: a record was lost that later records count on`,
    );
  }
});

// Entries 1 to 20 in segments of 1 KiB, as they were written before records knew a secret.
const VERSION_2 = [
  "ddNNR0RxFMfxc+/caWZ6nIzUyGTeQMzcO4/0AmaV6IE2IxJp0SKJ2SSiZpmISEQthkSZFokU0SZGtOhBi3bRsjYl" +
    "PTjzO9NkpnM2l3v/n+/hXjdIRL3zSytERAZVxzCJyG8Pza0fP3x5qG4GiSi993yQIiLzT8P6rVSujCemZ2dy4ahV" +
    "Pvr/Q9us3HPXnClPiIhi3eZ3QfbxbuxzqUlHXEdxefRRHDfgLNXFxG0EAuEuA44bcG7VxcWNr+3YA+K4AdeguoS4" +
    "4ZfF17w4bsB5VJcUd7c/9n4mjhtwXtWlxGWLV/dv4rgB51Ndmoh6+N2f9AUjJhw34BprnLf63SNwpdJpYVIcN+Ca" +
    "dBeF2wxN7W6J4wZcs+5suOvPc+dWHDfgWnTnwI183Fz4XXDcgGvVXQxu9fDyKSOOG3BtuovDbfsyvgVx3IDz6y4B" +
    "l+vM9h+J4wZcu+6S9f/xDw==",
  "82BgYFgpulWTgYGBgZGBgaFSPM4PzGZiYGAQMAopm7Hrzj92Bgj4wMzAwMzIgAUwwURZoTSML8fAwOCfYXMiAaQI" +
    "yS4WBiE0lRwMDAypeSVFlQqGFhB9E6Tap86A6gOZAdEnjFufJUTfNyk51QtQfSAzIPpEcOozMmAYBaNgRAIA",
];

function versionTwo(): string {
  const directory = newDirectory();
  mkdirSync(directory);
  VERSION_2.forEach((text, at) => {
    const bytes = inflateRawSync(Buffer.from(text, "base64"));
    writeFileSync(join(directory, segmentName(at + 1)), bytes);
  });
  return directory;
}

test("a log of version 2 is read, written on, and read again", async () => {
  const directory = versionTwo();
  const { wal, state } = await FileWal.open(directory, SMALL);
  expect(state).toEqual({
    metadata: METADATA,
    hardState: { term: 1, vote: 5n, commit: 1 },
    snapshot: { index: 0, term: 0, confState: { voters: [], learners: [] } },
    entries: entries(1, 20),
  });
  for (let i = 21; i <= 100; i++) await wal.append(batch([entry(i, 1, "x".repeat(100))]));
  await wal.close();
  expect(lastSegment(directory).number).toBeGreaterThan(3);
  const all = Array.from({ length: 100 }, (_, i) => i + 1);
  expect(await entriesIn(directory)).toEqual(all);
  expect(await entriesIn(directory)).toEqual(all);
});

test("damage to a log of version 2 is found, and to the first head behind it", async () => {
  for (const offset of offsetsOf(lastSegment(versionTwo())).slice(0, -2)) {
    const directory = versionTwo();
    overwrite(lastSegment(directory).path, offset + HEADER_BYTES, Buffer.alloc(4, 0xff));
    await expect(FileWal.open(directory, SMALL)).rejects.toThrow("a record was lost");
  }
  const directory = versionTwo();
  const { wal } = await FileWal.open(directory, SMALL);
  for (let i = 21; lastSegment(directory).number === 2; i++) {
    await wal.append(batch([entry(i, 1, "x".repeat(100))]));
  }
  await wal.append(batch([]));
  await wal.close();
  overwrite(lastSegment(directory).path, HEADER_BYTES, Buffer.alloc(4, 0xff));
  await expect(FileWal.open(directory, SMALL)).rejects.toThrow("at offset 0: a record was lost");
});

test("numbers that a client keeps do not keep a log of version 2 from being read", async () => {
  const directory = versionTwo();
  const { path } = lastSegment(directory);
  const [end = 0] = offsetsOf(lastSegment(directory)).slice(-1);
  const bytes = Buffer.concat([readFileSync(path).subarray(0, end), posing(1024 * 1024, 0)]);
  writeFileSync(path, bytes);
  expect(await entriesIn(directory)).toHaveLength(20);
});
