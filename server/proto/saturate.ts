// The last step of `npm run proto`. A revision, limit or count in a request may be any int64, but
// nothing the server holds ever reaches 2^53: clamping what lies beyond keeps every comparison's
// outcome, where the generated code would throw and turn odd input into an internal error.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const generated = join(import.meta.dirname, "gen");
const conversion = /function longToNumber\([^]*?\n}\n/;
const clamped = `function longToNumber(int64: { toString(): string }): number {
  const num = globalThis.Number(int64.toString());
  if (num > globalThis.Number.MAX_SAFE_INTEGER) return globalThis.Number.MAX_SAFE_INTEGER;
  if (num < globalThis.Number.MIN_SAFE_INTEGER) return globalThis.Number.MIN_SAFE_INTEGER;
  return num;
}
`;

// Each transaction within a transaction takes two messages more, and etcd lets up to 128 of them
// into the log: what cannot be decoded there could never be applied.
const depthLimit = /RecursionDepth >= \d+\)/g;
const depthAllowed = "RecursionDepth >= 512)";

for (const name of readdirSync(generated, { recursive: true, encoding: "utf8" })) {
  if (!name.endsWith(".ts")) continue;
  const path = join(generated, name);
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace(conversion, clamped).replace(depthLimit, depthAllowed));
}
