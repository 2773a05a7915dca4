import { formatByteSize } from "../base/byte-size.ts";
import type { Clock } from "../base/clock.ts";
import { formatMs } from "../base/duration.ts";
import type { Log } from "../base/log.ts";
import type { Engine } from "../storage/engine.ts";

export interface DefragmentationParts {
  readonly engine: Pick<Engine, "defragment" | "size">;
  /** The folder of the state, for the log. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Between etcd's two lines, which say what it brought. @throws errors of the engine */
export async function defragment({
  engine,
  path,
  clock,
  log,
}: DefragmentationParts): Promise<void> {
  const before = engine.size();
  const startedMs = clock.monotonic();
  log.info("defragmenting", {
    path,
    "current-db-size-bytes": before.totalBytes,
    "current-db-size": formatByteSize(before.totalBytes),
    "current-db-size-in-use-bytes": before.inUseBytes,
    "current-db-size-in-use": formatByteSize(before.inUseBytes),
  });
  await engine.defragment();
  const after = engine.size();
  log.info("finished defragmenting directory", {
    path,
    "current-db-size-bytes-diff": after.totalBytes - before.totalBytes,
    "current-db-size-bytes": after.totalBytes,
    "current-db-size": formatByteSize(after.totalBytes),
    "current-db-size-in-use-bytes-diff": after.inUseBytes - before.inUseBytes,
    "current-db-size-in-use-bytes": after.inUseBytes,
    "current-db-size-in-use": formatByteSize(after.inUseBytes),
    took: formatMs(clock.monotonic() - startedMs),
  });
}
