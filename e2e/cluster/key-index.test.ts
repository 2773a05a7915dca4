import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { KVDefinition, RangeRequest } from "../../server/proto/gen/rpc.ts";
import { fill } from "../bench/dataset.ts";
import { ClusterProcess, type MemberProcess } from "../harness/member-process.ts";
import { RpcClient } from "../harness/rpc-client.ts";

// More than are written before the index is saved beside a load.
const KEYS = 60_000;
const ALL = RangeRequest.fromPartial({
  key: Buffer.from("/"),
  rangeEnd: Buffer.from("0"),
  countOnly: true,
});

let cluster: ClusterProcess | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

/** Asks until there is an answer: the load's connections to the process before are still ending. */
async function keyCount(member: MemberProcess): Promise<number> {
  const client = new RpcClient(new URL(member.clientUrl).host);
  const deadline = performance.now() + 20_000;
  try {
    for (;;) {
      const outcome = await client.unary(KVDefinition, KVDefinition.methods.range, ALL);
      if ("response" in outcome) return outcome.response.count;
      if (performance.now() > deadline) throw new Error(outcome.failure.text);
      await delay(20);
    }
  } finally {
    client.close();
  }
}

function indexFile(member: MemberProcess): string {
  return join(member.options.dataDir, "member/state/key-index");
}

/** What the newest start said of its index. */
function origin(member: MemberProcess): { from: string; "records-read": number; keys: number } {
  const line = member.output.split("\n").findLast((each) => each.includes("read the key index"));
  return JSON.parse(line ?? "{}");
}

async function restart(member: MemberProcess, signal: NodeJS.Signals): Promise<void> {
  await member.stop(signal);
  member.start();
  await member.ready();
}

test("an index saved under load, or at the end, is all that a start needs", async () => {
  cluster = await ClusterProcess.start({ make: "quorate", size: 1 });
  const member = cluster.member(0);
  await fill(member.clientUrl, KEYS);
  await expect.poll(() => existsSync(indexFile(member)), { timeout: 30_000 }).toBe(true);
  await restart(member, "SIGKILL");
  expect(origin(member).from).toBe("checkpoint");
  expect(await keyCount(member)).toBe(KEYS);
  await restart(member, "SIGTERM");
  expect(origin(member)).toMatchObject({ from: "checkpoint", keys: KEYS });
  expect(origin(member)["records-read"]).toBeLessThan(1_000);
  expect(await keyCount(member)).toBe(KEYS);

  await member.stop("SIGTERM");
  const bytes = readFileSync(indexFile(member));
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
  writeFileSync(indexFile(member), bytes);
  member.start();
  await member.ready();
  expect(origin(member)).toMatchObject({ from: "records", keys: KEYS });
  expect(member.output).toContain("the saved key index is of no use");
  expect(await keyCount(member)).toBe(KEYS);
});

test("kill -9 while the index is being saved loses no key", async () => {
  cluster = await ClusterProcess.start({ make: "quorate", size: 1 });
  const member = cluster.member(0);
  await fill(member.clientUrl, KEYS);
  for (let round = 0; round < 3; round++) {
    const isSaved = existsSync(indexFile(member));
    // The same keys again: the count stays, whatever of it is acknowledged.
    const load = fill(member.clientUrl, KEYS).catch(() => undefined);
    const partial = `${indexFile(member)}.partial`;
    for (let tries = 0; tries < 2_000 && !existsSync(partial); tries++) await delay(1);
    await delay(round * 15);
    await restart(member, "SIGKILL");
    await load;
    expect(await keyCount(member)).toBe(KEYS);
    if (isSaved) expect(origin(member).from).toBe("checkpoint");
  }
});
