// npm run suites [-- --run PATTERN --make quorate|etcd-3.5 --all]: etcd's own end-to-end tests of
// release 3.5.16, run against our member, one after the other. They come from Go's module proxy and
// stay in the cache; Go is needed. Ends with 1 when a test fails that concerns us.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CACHE, installTools } from "../harness/tools.ts";
import { EtcdSuite } from "./etcd-suite.ts";
import { reasonAgainst } from "./not-concerned.ts";

const MAKES = ["quorate", "etcd-3.5"] as const;

const { values } = parseArgs({
  options: {
    run: { type: "string", default: "." },
    make: { type: "string", default: "quorate" },
    all: { type: "boolean", default: false },
  },
});
const pattern = new RegExp(values.run);
const make = MAKES.find((each) => each === values.make);
if (make === undefined) throw new RangeError(`--make is one of ${MAKES.join(", ")}`);

installTools();
const suite = EtcdSuite.prepare(join(CACHE, "suites"), make);
const asked = suite.tests().filter((name) => pattern.test(name));
const left = values.all ? [] : asked.filter((name) => reasonAgainst(name) !== undefined);
const counts = { passed: 0, skipped: 0, failed: 0 };
for (const name of asked.filter((each) => !left.includes(each))) {
  const { outcome, seconds, log } = suite.run(name);
  counts[outcome]++;
  say(`${outcome} ${name} ${seconds} s${outcome === "failed" ? `: ${log}` : ""}`);
}
for (const name of left) say(`left out ${name}: ${reasonAgainst(name)}`);
const { passed, skipped, failed } = counts;
say(`${passed} passed, ${failed} failed, ${skipped} skip themselves, ${left.length} left out`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
