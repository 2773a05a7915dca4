// A process for the crash test to kill: commits until then, and says so after each commit.
// Commit n puts the number n under ROWS keys of two tables, so that half a commit would show.
import { LmdbEngine } from "./lmdb-engine.ts";

const ROWS = 200;

const engine = await LmdbEngine.open(process.argv[2] as string);
for (let n = 1; ; n++) {
  const value = Buffer.alloc(500);
  value.writeUInt32BE(n);
  for (let row = 0; row < ROWS; row++) {
    engine.put(row % 2 === 0 ? "key" : "lease", Buffer.from(`row ${row}`), value);
  }
  engine.put("meta", Buffer.from("n"), value);
  if (n % 25 === 0) void engine.defragment();
  await engine.commit();
  process.stdout.write(`${n}\n`);
}
