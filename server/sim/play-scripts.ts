// Plays raft's scripts and ends with code 1 when one of them does not come out as written.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { play } from "../raft/transcript.suite.ts";

const folder = join(import.meta.dirname, "../raft/scripts");

for (const name of readdirSync(folder)) {
  const script = readFileSync(join(folder, name), "utf8");
  let played = "";
  try {
    played = play(script);
  } catch (error) {
    played = String(error);
  }
  if (played !== script) {
    process.stdout.write(`${name} comes out differently\n${played}`);
    process.exit(1);
  }
}
