import { createServer } from "node:net";

// Below the range from which systems take the ports of outgoing connections: a port that is free
// here stays free until its owner listens, unless another run of the tests draws the same one. Test
// files that run side by side draw from parts of their own.
const FIRST = 10_000;
const END = 32_000;
const PARTS = 4;
const PART_PORTS = (END - FIRST) / PARTS;
const TRIES_MAX = 1_000;

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let tries = 0; ports.size < count; tries += 1) {
    if (tries > TRIES_MAX) throw new Error("no free ports");
    const port = draw(1);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

/** The first of `count` ports in a row that were all free a moment ago. */
export async function freePortRow(count: number): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const first = draw(count);
    const row = Array.from({ length: count }, (_, at) => isFree(first + at));
    if ((await Promise.all(row)).every((free) => free)) return first;
  }
  throw new Error("no free ports in a row");
}

function draw(count: number): number {
  const { VITEST_POOL_ID, TEST_PARALLEL_INDEX } = process.env;
  const part = Number(VITEST_POOL_ID ?? TEST_PARALLEL_INDEX ?? 0) % PARTS;
  return FIRST + part * PART_PORTS + Math.floor(Math.random() * (PART_PORTS - count));
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
