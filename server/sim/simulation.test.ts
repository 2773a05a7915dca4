import { expect, test } from "vitest";
import { Simulation } from "./simulation.ts";

const SEEDS_PER_TEST = 100;
const EVENTS = 3000;

for (let first = 1; first <= 1000; first += SEEDS_PER_TEST) {
  const last = first + SEEDS_PER_TEST - 1;
  test(`raft keeps its promises and recovers, seeds ${first} to ${last}`, {
    timeout: 60_000,
  }, () => {
    for (let seed = first; seed <= last; seed++) {
      const simulation = new Simulation(seed);
      try {
        simulation.run(EVENTS);
      } catch (cause) {
        throw new Error(`npm run sim -- --seed ${seed} --events ${EVENTS}`, { cause });
      }
      expect(simulation.oracle.commitMax).toBeGreaterThan(0);
    }
  });
}

test("the same seed gives the same run", () => {
  const run = (seed: number) => {
    const simulation = new Simulation(seed);
    simulation.run(EVENTS);
    return simulation.fingerprint;
  };
  expect(run(7)).toBe(run(7));
  expect(run(7)).not.toBe(run(8));
});
