// npm run differential [-- --requests N --seed S --make etcd-3.5|etcd-3.4]: a long run of random
// histories. Goes on behind a difference; ends with 1 when there was one.
import { parseArgs } from "node:util";
import type { Make } from "../../harness/member-process.ts";
import { installTools } from "../../harness/tools.ts";
import { historyOf } from "./any-history.ts";
import { MachinePair } from "./machine-pair.ts";
import { reportOf } from "./report.ts";
import { shrunk } from "./shrinking.ts";

const REQUESTS_PER_HISTORY = 500;
const REQUESTS_PER_LINE = 20_000;

const ALL_MAKES: readonly Make[] = ["etcd-3.5", "etcd-3.4"];

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "1000000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
    make: { type: "string" },
  },
});
const requests = wholeNumber("requests", values.requests);
const firstSeed = wholeNumber("seed", values.seed);
await run(ALL_MAKES.filter((make) => values.make === undefined || make === values.make));

async function run(makes: readonly Make[]): Promise<void> {
  if (makes.length === 0) throw new RangeError(`--make is one of ${ALL_MAKES.join(", ")}`);
  installTools();
  say(`${requests} requests from seed ${firstSeed}, compared with ${makes.join(" and ")}`);
  const startedAt = performance.now();
  const machines = await MachinePair.start(makes);
  // Its servers would outlive it, and what they hold in memory as well.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void machines.stop().finally(() => process.exit(1)));
  }
  const histories = Math.ceil(requests / REQUESTS_PER_HISTORY);
  let differing = 0;
  let done = 0;
  try {
    await machines.each(firstSeed, histories, async (seed, machine) => {
      const found = await machine.play(historyOf(seed, REQUESTS_PER_HISTORY));
      if (found !== undefined) {
        differing++;
        say(`seed ${seed} differs; it is made smaller, which may take minutes`);
        say(reportOf(`seed ${seed}`, await shrunk(found, (fewer) => machine.play(fewer))));
      }
      done += REQUESTS_PER_HISTORY;
      if (done % REQUESTS_PER_LINE === 0) say(`${done} requests, ${differing} histories differ`);
    });
  } finally {
    await machines.stop();
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const pace = `${Math.round(seconds)} s, ${Math.round(requests / seconds)} requests a second`;
  say(`${differing} of ${histories} histories differ; ${pace}`);
  process.exitCode = differing > 0 ? 1 : 0;
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new RangeError(`--${name} is a whole number, not ${text}`);
  return Number(text);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
