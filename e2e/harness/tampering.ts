import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LmdbEngine } from "../../server/storage/lmdb-engine.ts";
import type { MemberProcess } from "./member-process.ts";

/** Changes a text wherever a stopped member's data hold it, behind the member's back. */
export async function tamper(member: MemberProcess, from: string, to: string): Promise<void> {
  if (from.length !== to.length) throw new RangeError("only the same length fits");
  const { dataDir, make } = member.options;
  const count =
    make === "quorate"
      ? await editState(join(dataDir, "member/state"), from, to)
      : editDatabase(join(dataDir, "member/snap/db"), from, to);
  if (count === 0) throw new Error(`${member.options.name} does not hold ${from}`);
}

/** With a seal that fits: what a bug would write, not what a rotten disk would. */
async function editState(folder: string, from: string, to: string): Promise<number> {
  const engine = await LmdbEngine.open(folder);
  const rows = [...engine.scan("key")].filter(([, value]) => value.includes(from));
  for (const [key, value] of rows) engine.put("key", key, replaced(value, from, to));
  await engine.close();
  return rows.length;
}

function editDatabase(path: string, from: string, to: string): number {
  const before = readFileSync(path);
  const after = replaced(before, from, to);
  writeFileSync(path, after);
  return before.equals(after) ? 0 : 1;
}

function replaced(bytes: Buffer, from: string, to: string): Buffer {
  return Buffer.from(bytes.toString("latin1").replaceAll(from, to), "latin1");
}
