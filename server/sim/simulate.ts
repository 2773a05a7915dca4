// npm run sim -- [--seed first] [--seeds count] [--events per-seed]
// Runs seeds until one fails; then prints it with its last events and ends with code 1.

import { parseArgs } from "node:util";
import { Simulation } from "./simulation.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    seeds: { type: "string", default: "1" },
    events: { type: "string", default: "20000" },
  },
});

const first = Number(values.seed);
const events = Number(values.events);
let total = 0;

for (let seed = first; seed < first + Number(values.seeds); seed++) {
  const simulation = new Simulation(seed);
  try {
    simulation.run(events);
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const swarm = JSON.stringify(simulation.swarm);
    const story = simulation.story().join("\n");
    process.stdout.write(`seed ${seed} failed\n${swarm}\n${story}\n${reason}\n`);
    process.exit(1);
  }
  total += simulation.events;
  if (Number(values.seeds) === 1) process.stdout.write(`${simulation.fingerprint}\n`);
}
process.stdout.write(`${values.seeds} seeds, ${total} events, no failure\n`);
