// `npm run bench [-- --quick] [-- --only throughput|watch|restart|tree]`: our member and Debian's
// etcd side by side on this machine, in one run, as ratios. Every figure of ours stands beside
// etcd's of the same minute.
import { parseArgs } from "node:util";
import { installTools } from "../harness/tools.ts";
import { benchRestart } from "./restart.ts";
import { benchThroughput } from "./throughput.ts";
import { benchTree } from "./tree.ts";
import { benchWatch } from "./watch.ts";

const { values } = parseArgs({
  options: { quick: { type: "boolean", default: false }, only: { type: "string" } },
});

const PARTS = {
  throughput: benchThroughput,
  watch: benchWatch,
  restart: benchRestart,
  tree: benchTree,
};

if (values.only !== undefined && !(values.only in PARTS)) {
  throw new Error(`--only takes ${Object.keys(PARTS).join(", ")}, not "${values.only}"`);
}
installTools();
for (const [name, bench] of Object.entries(PARTS)) {
  if (values.only === undefined || values.only === name) await bench(values.quick);
}
