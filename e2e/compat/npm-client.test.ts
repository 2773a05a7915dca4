import { once } from "node:events";
import { Etcd3 } from "etcd3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ClusterProcess, type Make } from "../harness/member-process.ts";

// The npm client `etcd3` does the same work over our cluster and over Debian's etcd: what its user
// sees must be the same. Each scenario returns all that it saw.

const MAKES: readonly Make[] = ["quorate", "etcd-3.5"];
const clusters = new Map<Make, ClusterProcess>();

beforeAll(async () => {
  for (const make of MAKES) clusters.set(make, await ClusterProcess.start({ make, size: 3 }));
});

afterAll(async () => {
  for (const cluster of clusters.values()) await cluster.stop();
});

async function sameOverBoth(scenario: (client: Etcd3) => Promise<unknown>): Promise<unknown> {
  const seen: unknown[] = [];
  for (const make of MAKES) {
    const client = new Etcd3({ hosts: clusters.get(make)?.endpoints.split(",") ?? [] });
    try {
      seen.push(await scenario(client));
    } finally {
      await client.delete().all();
      client.close();
    }
  }
  expect(seen[0]).toEqual(seen[1]);
  return seen[0];
}

function refused(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no error",
    (error: Error) => `${error.constructor.name}: ${error.message}`,
  );
}

function text(bytes: Buffer | undefined): string {
  return bytes?.toString("utf8") ?? "nothing";
}

test("puts, gets, counts, sorts, pages and deletes", async () => {
  const seen = await sameOverBoth(async (client) => {
    for (const [at, name] of ["d", "a", "c", "b"].entries()) {
      await client.put(`list/${name}`).value(String(at));
    }
    await client.put("raw").value(Buffer.from([0, 255, 128]));
    return {
      one: await client.get("list/a").string(),
      none: await client.get("nothing").string(),
      raw: (await client.get("raw").buffer())?.toString("hex"),
      all: await client.getAll().prefix("list/").strings(),
      byValue: await client.getAll().prefix("list/").sort("Value", "Descend").limit(2).keys(),
      count: await client.getAll().prefix("list/").count(),
      range: await client.getAll().inRange({ start: "list/b", end: "list/d" }).keys(),
      future: await refused(client.get("raw").revision(1_000_000).exec()),
      deleted: (await client.delete().prefix("list/")).deleted,
      previous: (await client.delete().key("raw").getPrevious())[0]?.value.toString("hex"),
      exists: await client.get("raw").exists(),
    };
  });
  expect(seen).toMatchObject({ one: "1", byValue: ["list/b", "list/c"], deleted: "4" });
});

test("runs transactions, and retries a software transaction until it fits", async () => {
  const seen = await sameOverBoth(async (client) => {
    await client.put("counter").value("1");
    const branch = (value: string) =>
      client
        .if("counter", "Value", "==", value)
        .and("missing", "Create", "==", 0)
        .then(client.put("counter").value("2"), client.get("counter"))
        .else(client.get("counter"))
        .commit();
    const first = await branch("1");
    const second = await branch("1");
    const add = () =>
      client.stm({ retries: 20 }).transact(async (stm) => {
        const value = Number(await stm.get("counter").number());
        await stm.put("counter").value(String(value + 1));
      });
    await Promise.all([add(), add(), add()]);
    return {
      branches: [first.succeeded, second.succeeded],
      responses: [first.responses.length, second.responses.length],
      counter: await client.get("counter").number(),
    };
  });
  expect(seen).toMatchObject({ branches: [true, false], counter: 5 });
});

test("holds keys by a lease, keeps it alive, and loses them with it", async () => {
  const seen = await sameOverBoth(async (client) => {
    const lease = client.lease(10, { autoKeepAlive: false });
    await lease.put("leased").value("here");
    const alive = await lease.keepaliveOnce();
    const held = await client.get("leased").string();
    const holder = (await client.get("leased").exec()).kvs[0]?.lease === (await lease.grant());
    await lease.revoke();
    const gone = await client.get("leased").string();
    const again = await refused(
      client
        .put("leased")
        .value("x")
        .lease(await lease.grant())
        .exec(),
    );
    return { ttl: alive.TTL, held, holder, gone, again };
  });
  expect(seen).toMatchObject({ held: "here", holder: true, gone: null });
});

test("lets one holder of a lock in at a time", async () => {
  await sameOverBoth(async (client) => {
    const order: string[] = [];
    const lock = client.lock("resource");
    await lock.acquire();
    const refusal = await refused(client.lock("resource").do(async () => order.push("stolen")));
    order.push("first");
    await lock.release();
    await client.lock("resource").do(async () => order.push("second"));
    return { order, refusal };
  });
});

test("watches from an old revision on, with previous values", async () => {
  const seen = await sameOverBoth(async (client) => {
    const before = await client.put("watched/old").value("0");
    const from = String(BigInt(before.header.revision) + 1n);
    await client.put("watched/a").value("1");
    const watcher = await client
      .watch()
      .prefix("watched/")
      .startRevision(from)
      .withPreviousKV()
      .create();
    const events: string[] = [];
    const last = new Promise<void>((resolve) => {
      watcher.on("put", (kv, previous) => {
        events.push(`put ${text(kv.key)} ${text(kv.value)} after ${text(previous?.value)}`);
      });
      watcher.on("delete", (kv, previous) => {
        events.push(`delete ${text(kv.key)} after ${text(previous?.value)}`);
        resolve();
      });
    });
    await client.put("watched/a").value("2");
    await client.put("elsewhere").value("x");
    await client.delete().key("watched/a");
    await last;
    await watcher.cancel();
    return events;
  });
  expect(seen).toEqual([
    "put watched/a 1 after nothing",
    "put watched/a 2 after 1",
    "delete watched/a after 2",
  ]);
});

test("elects one leader, and the next when it resigns", async () => {
  await sameOverBoth(async (client) => {
    const election = client.election("office", 10);
    const first = election.campaign("one");
    await once(first, "elected");
    const second = election.campaign("two");
    const leader = await election.leader();
    const elected = once(second, "elected");
    await first.resign();
    await elected;
    const next = await election.leader();
    await second.resign();
    return { leader, next };
  });
});

test("keeps namespaces apart", async () => {
  await sameOverBoth(async (client) => {
    const left = client.namespace("left/");
    await left.put("key").value("1");
    await client.namespace("right/").put("key").value("2");
    return { left: await left.getAll().strings(), all: await client.getAll().strings() };
  });
});

test("asks a member about itself", async () => {
  const seen = await sameOverBoth(async (client) => {
    const status = await client.maintenance.status();
    const { alarms } = await client.maintenance.alarm({ action: "Get" });
    return { hasLeader: status.leader !== "0", hasSize: Number(status.dbSize) > 0, alarms };
  });
  expect(seen).toEqual({ hasLeader: true, hasSize: true, alarms: [] });
});
