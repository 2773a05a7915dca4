import { expect, test } from "vitest";
import { MemoryWal } from "./memory-wal.ts";
import { batch, describeWal, entries, entry, METADATA } from "./wal-conformance.suite.ts";

describeWal("MemoryWal", {
  create: async () => new MemoryWal(METADATA),
  reopen: async (wal) => {
    const crashed = (wal as MemoryWal).crash();
    return { wal: crashed, state: crashed.state() };
  },
});

test("of unsynced appends any first part may survive a crash, of synced ones all do", async () => {
  const wal = new MemoryWal(METADATA);
  await wal.append(batch([entry(1)]));
  await wal.append(batch([entry(2)], { sync: false }));
  await wal.append(batch([entry(3)], { sync: false }));
  expect(wal.unsyncedCount).toBe(2);
  for (const kept of [0, 1, 2]) {
    expect(wal.crash(kept).state().entries).toEqual(entries(1, 1 + kept));
  }
  await wal.append(batch([entry(4)]));
  expect(wal.crash().state().entries).toEqual(entries(1, 4));
});

test("an append in flight at a crash may be lost, and a failed sync ends the log", async () => {
  const gate = Promise.withResolvers<void>();
  const wal = new MemoryWal(METADATA, () => gate.promise);
  const appending = wal.append(batch([entry(1)]));
  expect(wal.crash().state().entries).toEqual([]);
  expect(wal.crash(1).state().entries).toEqual([entry(1)]);
  gate.reject(new Error("input/output error"));
  await expect(appending).rejects.toThrow("lost its disk");
  await expect(wal.append(batch([entry(2)]))).rejects.toThrow("lost its disk");
});
