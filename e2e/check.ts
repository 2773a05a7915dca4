// `npm run check`, the gate before a commit: every `check:…` script of package.json. Those that only
// read the sources run side by side, the unit tests behind them, alone: some of them measure time.
// All run whatever fails, and the last line names what did.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const root = join(import.meta.dirname, "..");
const LAST = "check:unit";
/** Of what one check says; a linter that says more has said enough. */
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  scripts: Readonly<Record<string, string>>;
};
const checks = Object.entries(scripts).filter(([name]) => name.startsWith("check:"));
const last = scripts[LAST];
if (last === undefined) throw new Error(`package.json has no script ${LAST}`);

const options = {
  cwd: root,
  shell: true,
  env: {
    ...process.env,
    PATH: [join(root, "node_modules/.bin"), process.env["PATH"]].join(delimiter),
    NEXT_TELEMETRY_DISABLED: "1",
    ...(process.stdout.isTTY ? { FORCE_COLOR: "1" } : {}),
  },
};
const startedAt = performance.now();

const statuses = new Map<string, number>();
await Promise.all(checks.filter(([name]) => name !== LAST).map(runAside));
heading(LAST);
statuses.set(LAST, spawnSync(last, { ...options, stdio: "inherit" }).status ?? 1);

const failed = [...statuses].filter(([, status]) => status !== 0).map(([name]) => name);
process.stdout.write(
  failed.length === 0
    ? `\nAll checks passed in ${seconds()} s.\n`
    : `\nFailed: ${failed.join(", ")}\n`,
);
process.exitCode = failed.length === 0 ? 0 : 1;

/** Prints what it says in one piece when it has ended, so that no two mix. */
async function runAside([name, script]: readonly [string, string]): Promise<void> {
  const child = spawn(script, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const said: Buffer[] = [];
  let room = OUTPUT_BYTES_MAX;
  const hear = (chunk: Buffer): void => {
    if (room > 0) said.push(chunk.subarray(0, room));
    room -= chunk.length;
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  const status = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
  statuses.set(name, status);
  heading(status === 0 ? name : `${name} failed`);
  process.stdout.write(Buffer.concat(said));
}

function heading(name: string): void {
  process.stdout.write(`\n── ${name} (${seconds()} s)\n`);
}

function seconds(): number {
  return Math.round((performance.now() - startedAt) / 1000);
}
