import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";

// Ports for what tests start. A process of the tests owns blocks of ports: a block is his who listens
// on its first port, for as long as he lives, so that neither two workers nor two runs of the tests
// ever hand out the same port. Within its blocks a process hands every port out once.

const OUTGOING = "/proc/sys/net/ipv4/ip_local_port_range";
const FIRST = 10_000;
const LAST = 32_000;
const BLOCK_PORTS = 200;
const BLOCKS_MIN = 20;
/** Below the range from which systems take the ports of outgoing connections, if there is room. */
const END = lastPort();
const BLOCKS = Math.floor((END - FIRST) / BLOCK_PORTS);
const HOST = "127.0.0.1";

/** What listens on the first ports of this process's blocks. */
const claims: Server[] = [];
let next = 0;
let end = 0;
/** Whoever asks while another is served waits for him. */
let turn: Promise<unknown> = Promise.resolve();

/** Ports that nobody listens on, and that nobody else is given. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePortRow(1));
  return ports;
}

/** The first of `count` such ports in a row. */
export function freePortRow(count: number): Promise<number> {
  const row = turn.then(() => takeRow(count));
  turn = row.catch(() => undefined);
  return row;
}

async function takeRow(count: number): Promise<number> {
  if (count >= BLOCK_PORTS) throw new RangeError(`${count} ports in a row are too many`);
  for (;;) {
    if (next + count > end) await claimBlock();
    const first = next;
    next += count;
    const row = Array.from({ length: count }, (_, at) => isFree(first + at));
    if ((await Promise.all(row)).every((free) => free)) return first;
  }
}

async function claimBlock(): Promise<void> {
  const start = Math.floor(Math.random() * BLOCKS);
  for (let at = 0; at < BLOCKS; at += 1) {
    const first = FIRST + ((start + at) % BLOCKS) * BLOCK_PORTS;
    const claim = await listen(first);
    if (claim === undefined) continue;
    claims.push(claim.unref());
    next = first + 1;
    end = first + BLOCK_PORTS;
    return;
  }
  throw new Error(`no block of ports is free from ${FIRST} to ${END}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server === undefined) return false;
  return new Promise((resolve) => server.close(() => resolve(true)));
}

/** Undefined: somebody else does. */
function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, HOST, () => resolve(server));
  });
}

function lastPort(): number {
  if (!existsSync(OUTGOING)) return LAST;
  const firstOutgoing = Number.parseInt(readFileSync(OUTGOING, "utf8"), 10);
  const hasRoom = firstOutgoing >= FIRST + BLOCKS_MIN * BLOCK_PORTS;
  return hasRoom ? Math.min(LAST, firstOutgoing) : LAST;
}
