import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { play } from "./transcript.suite.ts";

// RAFT_SCRIPTS=rewrite npx vitest run server/raft writes what happens now into the scripts.
const isRewriting = process.env["RAFT_SCRIPTS"] === "rewrite";
const folder = join(import.meta.dirname, "scripts");

for (const name of readdirSync(folder).sort()) {
  test(name.replace(/\.txt$/, "").replaceAll("-", " "), () => {
    const path = join(folder, name);
    const script = readFileSync(path, "utf8");
    const played = play(script);
    if (isRewriting) writeFileSync(path, played);
    else expect(played).toBe(script);
  });
}
