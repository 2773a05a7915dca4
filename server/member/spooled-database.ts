import { readdirSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { CONSISTENT_INDEX } from "../apply/applied-mark.ts";
import { decodeUint64 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { receiveDatabase } from "../bbolt/snapshot-file.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { ReceivedDatabase } from "../replica/snapshots.ts";

/** Its index; and a number, for the same one may be sent twice at the same time. */
const NAME = /^([0-9a-f]{16})(?:-\d+)?\.snap\.db$/;
let spooled = 0;

/** The indexes of the databases that `folder` holds: taken in by an earlier process. */
export function spooledIndexes(folder: string): Set<number> {
  const names = readdirSync(folder).map((name) => NAME.exec(name)?.[1]);
  return new Set(names.flatMap((hex) => (hex === undefined ? [] : [Number.parseInt(hex, 16)])));
}

/** They are of no use to another process. */
export function clearSpooled(folder: string): void {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
}

/** Saves a leader's database in `folder` and checks all of it. Rejects when anything is wrong. */
export async function spoolDatabase(
  folder: string,
  index: number,
  chunks: AsyncIterable<Buffer>,
  { clock, metrics }: { readonly clock: Clock; readonly metrics: Metrics },
): Promise<ReceivedDatabase> {
  const name = `${index.toString(16).padStart(16, "0")}-${++spooled}.snap.db`;
  const path = join(folder, name);
  const startedMs = clock.monotonic();
  const file = await receiveDatabase(path, chunks, async (handle) => {
    const syncStartedMs = clock.monotonic();
    await handle.sync();
    metrics.observeReceivedSync((clock.monotonic() - syncStartedMs) / 1000);
  });
  metrics.observeReceived((clock.monotonic() - startedMs) / 1000);
  let appliedIndex = 0;
  for (const [key, value] of file.scan("meta")) {
    if (key.equals(CONSISTENT_INDEX)) appliedIndex = Number(decodeUint64(value));
  }
  return {
    appliedIndex,
    content: () => file.content(),
    remove: async () => {
      file.close();
      await rm(path, { force: true });
    },
  };
}
