import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { FileWal } from "./file-wal.ts";
import { segmentName, segmentNumber } from "./segment.ts";
import { WalCorruptionError } from "./wal.ts";
import { batch, entry, METADATA, snapshotAt } from "./wal-conformance.suite.ts";

const root = mkdtempSync(join(tmpdir(), "recovery-"));
const SMALL = { segmentBytes: 4096 };
let count = 0;

afterAll(() => rmSync(root, { recursive: true }));

async function create(): Promise<{ wal: FileWal; directory: string }> {
  const directory = join(root, `wal-${count++}`);
  return { wal: await FileWal.create(directory, METADATA, SMALL), directory };
}

const segmentsOf = (directory: string) =>
  readdirSync(directory)
    .filter((name) => segmentNumber(name) !== undefined)
    .sort();

const contentsOf = (directory: string) =>
  segmentsOf(directory).map((name) => [name, readFileSync(join(directory, name))] as const);

test("a log that lost a segment is refused untouched, and opens when the segment is back", async () => {
  const { wal, directory } = await create();
  for (let i = 1; i <= 60; i++) await wal.append(batch([entry(i, 1, "y".repeat(300))]));
  await wal.close();
  const lost = segmentName(3);
  const aside = join(root, "aside");
  renameSync(join(directory, lost), aside);
  const before = contentsOf(directory);
  expect(before.length).toBeGreaterThan(4);
  await expect(FileWal.open(directory, SMALL)).rejects.toThrow(WalCorruptionError);
  expect(contentsOf(directory)).toEqual(before);
  renameSync(aside, join(directory, lost));
  const { wal: again, state } = await FileWal.open(directory, SMALL);
  expect(state.entries).toHaveLength(60);
  await again.close();
});

test("a released segment whose name a crash brought back goes when the log is opened", async () => {
  const { wal, directory } = await create();
  const [first = ""] = segmentsOf(directory);
  const aside = join(root, "released");
  cpSync(join(directory, first), aside);
  for (let i = 1; i <= 60; i++) await wal.append(batch([entry(i, 1, "y".repeat(300))]));
  await wal.append(batch([], { snapshot: snapshotAt(50, 1) }));
  wal.release(50);
  await wal.close();
  const kept = segmentsOf(directory);
  expect(kept).not.toContain(segmentName(2));
  cpSync(aside, join(directory, first));
  const { wal: again, state } = await FileWal.open(directory, SMALL);
  expect(state.entries.map(({ index }) => index)).toEqual([51, 52, 53, 54, 55, 56, 57, 58, 59, 60]);
  expect(segmentsOf(directory)).toEqual(kept);
  await again.close();
});
