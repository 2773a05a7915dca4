import type { ReplicatedState } from "../apply/replicated-state.ts";
import type { Clock } from "../base/clock.ts";
import { crc32c } from "../base/crc32c.ts";
import { TABLES } from "../storage/tables.ts";

/** Bytes hashed within one turn. */
const SLICE_BYTES = 1024 * 1024;

/** These tell how far this member is, not what it holds. */
const IGNORED = new Set(["meta/consistent_index", "meta/term"]);

/** CRC-32C over every table of this member's database: names, keys and values, in order. */
export async function databaseHash({
  state,
  clock,
}: {
  readonly state: ReplicatedState;
  readonly clock: Clock;
}): Promise<number> {
  const picture = await state.engine.snapshot();
  try {
    let hash = 0;
    let left = SLICE_BYTES;
    for (const table of TABLES) {
      hash = crc32c(Buffer.from(table), hash);
      for (const [key, value] of picture.scan(table)) {
        if (IGNORED.has(`${table}/${key.toString("latin1")}`)) continue;
        hash = crc32c(value, crc32c(key, hash));
        left -= key.length + value.length;
        if (left > 0) continue;
        left = SLICE_BYTES;
        await new Promise<void>((resolve) => clock.soon(resolve));
      }
    }
    return hash;
  } finally {
    picture.close();
  }
}
