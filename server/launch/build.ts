import { spawn } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { BuildClaim } from "./build-claim.ts";
import { LaunchError } from "./options.ts";

interface Part {
  readonly name: string;
  /** What a build that goes well writes last. */
  readonly product: string;
  readonly sources: readonly string[];
  readonly script: string;
}

const SHARED = ["package.json", "package-lock.json"];

const SERVER: Part = {
  name: "the server",
  product: "dist/server/etcd.js",
  sources: ["server", "tsconfig.server.json", ...SHARED],
  script: "build:server",
};

export const CONSOLE: Part = {
  name: "the console",
  product: ".next/BUILD_ID",
  sources: [
    "app",
    "components",
    "lib",
    "public",
    "server/base",
    "server/errors.ts",
    "server/proto",
    "next.config.ts",
    "postcss.config.mjs",
    "proxy.ts",
    "tsconfig.json",
    ...SHARED,
  ],
  script: "build:console",
};

/**
 * Builds what is not built yet or older than its sources, one start after the other. Throws
 * LaunchError with the output, or when another start runs what would be replaced.
 */
export async function buildMissing(
  root: string,
  needsServer: boolean,
  say: (line: string) => void,
): Promise<void> {
  const claim = await BuildClaim.take(root, say);
  for (const part of needsServer ? [SERVER, CONSOLE] : [CONSOLE]) {
    if (isFresh(root, part)) continue;
    claim.refuseWhileInUse();
    say(`Building ${part.name} …`);
    await runScript(root, part);
  }
  claim.release();
}

function isFresh(root: string, part: Part): boolean {
  const product = statSync(join(root, part.product), { throwIfNoEntry: false });
  if (product === undefined) return false;
  return part.sources.every((source) => newestMtime(join(root, source)) <= product.mtimeMs);
}

function newestMtime(path: string): number {
  if (!existsSync(path)) return 0;
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  const inside = readdirSync(path).map((name) => newestMtime(join(path, name)));
  return Math.max(stat.mtimeMs, ...inside);
}

function runScript(root: string, part: Part): Promise<void> {
  const child = spawn("npm", ["run", "--silent", part.script], {
    cwd: root,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) return resolve();
      const text = Buffer.concat(output).toString("utf8").trim();
      reject(new LaunchError(`Building ${part.name} failed:\n${text}`));
    });
  });
}
