import { expect, test } from "vitest";
import { SystemClock } from "../base/clock.ts";
import { type Log, type LogFields, SILENT_LOG } from "../base/log.ts";
import { defragment } from "./defragmentation.ts";

test("a defragmentation is told with the sizes before and after", async () => {
  const lines: (readonly [message: string, fields?: LogFields])[] = [];
  const log: Log = { ...SILENT_LOG, info: (message, fields = {}) => lines.push([message, fields]) };
  let size = { totalBytes: 2_490_368, inUseBytes: 1_000_000 };
  const engine = {
    size: () => size,
    defragment: async () => {
      size = { totalBytes: 1_200_000, inUseBytes: 1_000_000 };
    },
  };
  await defragment({ engine, path: "/d/member/state", clock: new SystemClock(), log });
  expect(lines).toEqual([
    [
      "defragmenting",
      {
        path: "/d/member/state",
        "current-db-size-bytes": 2_490_368,
        "current-db-size": "2.5 MB",
        "current-db-size-in-use-bytes": 1_000_000,
        "current-db-size-in-use": "1.0 MB",
      },
    ],
    [
      "finished defragmenting directory",
      {
        path: "/d/member/state",
        "current-db-size-bytes-diff": -1_290_368,
        "current-db-size-bytes": 1_200_000,
        "current-db-size": "1.2 MB",
        "current-db-size-in-use-bytes-diff": 0,
        "current-db-size-in-use-bytes": 1_000_000,
        "current-db-size-in-use": "1.0 MB",
        took: expect.stringMatching(/s$/),
      },
    ],
  ]);
});
