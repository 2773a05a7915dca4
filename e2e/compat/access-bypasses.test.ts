import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  AlarmRequest_AlarmAction as AlarmAction,
  AlarmType,
  type LeaseKeepAliveResponse,
  type LeaseLeasesResponse,
  type LeaseTimeToLiveResponse,
  type MemberListResponse,
  type RangeResponse,
} from "../../server/proto/gen/rpc.ts";
import { ask } from "../harness/http-client.ts";
import { ClusterProcess, type Make, type MemberProcess } from "../harness/member-process.ts";
import { DROP, PLAIN_KEY, SECRET, SECRET_LEASE, SECRET_VALUE } from "./access-cases.ts";
import { HOLES, type Hole, OTHERS } from "./access-holes.ts";
import { allCells, type Cell } from "./access-methods.ts";
import { AccessSide, JWT_SECRET, jwt, PASSWORD, tokenFlag } from "./access-side.ts";
import { isOpen, isTelling, nameOf, refusalFor, textOf } from "./access-verdict.ts";

// The ways past auth that etcd 3.4.23 still has, each gone to its end: there the attacker gets what
// he is after, here he is refused and gets nothing. And that the matrix finds all of them there.

const EMPTY = "etcdserver: user name is empty";
const DENIED = "etcdserver: permission denied";
const INVALID = "etcdserver: invalid auth token";
const NO_SPACE = "etcdserver: mvcc: database space exceeded";

/** What came of an attack: what the attacker was told, and whether he got what he is after. */
interface Loot {
  readonly told: string;
  readonly isTaken: boolean;
}

interface Bypass {
  readonly hole: Hole;
  readonly says: string;
  /** By which text we refuse. */
  readonly told: string;
  readonly attack: (side: AccessSide) => Promise<Loot>;
}

const text = (value: string) => Buffer.from(value);
const own = text("/plain/1");
const LEASE = 900n;

const keysOf = async (side: AccessSide, request: object) =>
  ((await side.must("Range", request, "root")) as RangeResponse).kvs;
const valueOf = async (side: AccessSide, key: Buffer) =>
  (await keysOf(side, { key }))[0]?.value.toString();

const BYPASSES: readonly Bypass[] = [
  {
    hole: "question",
    says: "who has no token lists the members",
    told: EMPTY,
    attack: async (side) => {
      const outcome = await side.call("MemberList", {}, "stranger");
      const members = "answer" in outcome ? (outcome.answer as MemberListResponse).members : [];
      return { told: textOf(outcome), isTaken: members.length > 0 };
    },
  },
  {
    hole: "judgement",
    says: "who has no token stops all writing by an alarm",
    told: EMPTY,
    attack: async (side) => {
      const alarm = { memberID: 9n, alarm: AlarmType.NOSPACE };
      const raise = { ...alarm, action: AlarmAction.ACTIVATE };
      const outcome = await side.call("Alarm", raise, "stranger");
      const put = await side.call("Put", { key: text("/outside") }, "root");
      await side.must("Alarm", { ...alarm, action: AlarmAction.DEACTIVATE }, "root");
      return { told: textOf(outcome), isTaken: textOf(put) === NO_SPACE };
    },
  },
  {
    hole: "judgement",
    says: "who has no token grants leases",
    told: EMPTY,
    attack: async (side) => {
      const outcome = await side.call("LeaseGrant", { ID: LEASE, TTL: 600 }, "stranger");
      const { leases } = (await side.must("LeaseLeases", {}, "root")) as LeaseLeasesResponse;
      return { told: textOf(outcome), isTaken: leases.some(({ ID }) => ID === LEASE) };
    },
  },
  {
    hole: "judgement",
    says: "who has no token revokes a lease before its first key",
    told: EMPTY,
    attack: async (side) => {
      const ID = LEASE + 1n;
      await side.must("LeaseGrant", { ID, TTL: 600 }, "root");
      const outcome = await side.call("LeaseRevoke", { ID }, "stranger");
      const left = await side.must("LeaseTimeToLive", { ID }, "root");
      return { told: textOf(outcome), isTaken: (left as LeaseTimeToLiveResponse).TTL === -1 };
    },
  },
  {
    hole: "question",
    says: "who has no token keeps others' leases alive",
    told: EMPTY,
    attack: async (side) => {
      const outcome = await side.call("LeaseKeepAlive", { ID: SECRET_LEASE }, "stranger");
      const isTaken =
        "answer" in outcome && (outcome.answer as LeaseKeepAliveResponse).TTL === 3_600;
      return { told: textOf(outcome), isTaken };
    },
  },
  {
    hole: "question",
    says: "who has no token lists the leases",
    told: EMPTY,
    attack: async (side) => {
      const outcome = await side.call("LeaseLeases", {}, "stranger");
      const leases = "answer" in outcome ? (outcome.answer as LeaseLeasesResponse).leases : [];
      return { told: textOf(outcome), isTaken: leases.length > 0 };
    },
  },
  {
    hole: "judgement",
    says: "who has no token compacts the past away",
    told: EMPTY,
    attack: async (side) => {
      const key = text("/outside");
      await side.must("Put", { key }, "root");
      await side.must("Put", { key }, "root");
      const revision = (await keysOf(side, { key }))[0]?.modRevision ?? 0;
      const outcome = await side.call("Compact", { revision }, "stranger");
      const past = await side.call("Range", { key, revision: revision - 1 }, "root");
      return { told: textOf(outcome), isTaken: textOf(past).endsWith("has been compacted") };
    },
  },
  {
    hole: "nesting",
    says: "a transaction in a transaction reads what its user may not",
    told: DENIED,
    attack: async (side) => {
      const request = nested({ requestRange: { key: SECRET } });
      const outcome = await side.call("Txn", request, "plain");
      return { told: textOf(outcome), isTaken: isTelling(outcome) };
    },
  },
  {
    hole: "nesting",
    says: "a transaction in a transaction writes without a token",
    told: EMPTY,
    attack: async (side) => {
      const request = nested({ requestPut: { key: SECRET, value: text("forged") } });
      const outcome = await side.call("Txn", request, "stranger");
      const isTaken = (await valueOf(side, SECRET)) === "forged";
      await side.must("Put", { key: SECRET, value: text(SECRET_VALUE) }, "root");
      return { told: textOf(outcome), isTaken };
    },
  },
  {
    hole: "putting",
    says: "who may only write reads by the previous value of a transaction's put",
    told: DENIED,
    attack: async (side) => {
      const requestPut = { key: DROP, value: text("1"), prevKv: true };
      const outcome = await side.call("Txn", { success: [{ requestPut }] }, "plain");
      await side.must("Put", { key: DROP, value: text(SECRET_VALUE) }, "root");
      return { told: textOf(outcome), isTaken: isTelling(outcome) };
    },
  },
  {
    hole: "putting",
    says: "a transaction puts a key on a lease that its user may not end",
    told: DENIED,
    attack: async (side) => {
      const requestPut = { key: own, lease: SECRET_LEASE };
      const outcome = await side.call("Txn", { success: [{ requestPut }] }, "plain");
      const ends = { ID: SECRET_LEASE, keys: true };
      const { keys } = (await side.must("LeaseTimeToLive", ends, "root")) as { keys: Buffer[] };
      return { told: textOf(outcome), isTaken: keys.some((key) => key.equals(own)) };
    },
  },
  {
    hole: "open end",
    says: "a watch from a key on hears of keys that its user may not read",
    told: DENIED,
    attack: async (side) => {
      const watch = { key: PLAIN_KEY, rangeEnd: Buffer.alloc(1) };
      const first = await side.call("Watch", { createRequest: watch }, "plain");
      if (textOf(first) !== "") return { told: textOf(first), isTaken: false };
      await side.must("Put", { key: SECRET, value: text(SECRET_VALUE) }, "root");
      const from = await keysOf(side, { key: SECRET });
      const key = PLAIN_KEY.toString("base64");
      const revision = from[0]?.modRevision;
      const create_request = { key, range_end: "AA==", start_revision: revision };
      const { body } = await ask(side.url, {
        path: "/v3/watch",
        headers: { Authorization: side.tokenOf("plain") ?? "" },
        body: JSON.stringify({ create_request }),
        lines: 2,
      });
      const isTaken = body.includes(text(SECRET_VALUE).toString("base64"));
      return { told: textOf(first), isTaken };
    },
  },
  ...(["stranger", "plain"] as const).map(
    (who): Bypass => ({
      hole: "lease's keys",
      says: `${who === "plain" ? "a user" : "who has no token"} hears the names of a lease's keys`,
      told: who === "plain" ? DENIED : EMPTY,
      attack: async (side) => {
        const request = { ID: SECRET_LEASE, keys: true };
        const outcome = await side.call("LeaseTimeToLive", request, who);
        return { told: textOf(outcome), isTaken: isTelling(outcome) };
      },
    }),
  ),
];

function nested(operation: object): object {
  return { success: [{ requestTxn: { success: [{ requestTxn: { success: [operation] } }] } }] };
}

const folder = mkdtempSync(join(tmpdir(), "quorate-bypasses-"));
const FLAGS = ["--bcrypt-cost=4"];
const stops: (() => Promise<void> | void)[] = [];

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Bench {
  readonly member: MemberProcess;
  readonly side: AccessSide;
}

async function open(make: Make, flags: readonly string[], kind: "simple" | "jwt" = "simple") {
  const cluster = await ClusterProcess.start({ make, size: 1, flags: [...FLAGS, ...flags] });
  stops.push(() => cluster.stop());
  const member = cluster.member(0);
  const side = new AccessSide(member.clientUrl, kind);
  stops.push(() => side.close());
  await side.furnish();
  return { member, side };
}

/** Real etcd first. */
const onBoth = <T>(act: (make: Make) => Promise<T>) =>
  Promise.all([act("etcd-3.4"), act("quorate")]);

describe("what etcd 3.4.23 lets through and we do not:", () => {
  let theirs: Bench;
  let ours: Bench;

  beforeAll(async () => {
    [theirs, ours] = await onBoth((make) =>
      open(make, make === "quorate" ? ["--log-level=debug", "--enable-pprof"] : ["--debug"]),
    );
    await Promise.all([theirs, ours].map(({ side }) => side.signIn()));
  });

  test.each(BYPASSES)("$says", async ({ hole, told, attack }) => {
    const { advisory, says } = HOLES[hole];
    const label = `${advisory}: ${says}`;
    expect(await attack(theirs.side), label).toEqual({ told: "", isTaken: true });
    expect(await attack(ours.side), label).toEqual({ told, isTaken: false });
  });

  test("a password is shown to whoever looks at recent calls (CVE-2021-28235)", async () => {
    const shown = async ({ side }: Bench) => {
      await side.signIn();
      const path = "/debug/requests?fam=grpc.Recv.etcdserverpb.Auth&b=0&exp=1";
      return (await ask(side.url, { path })).body.includes(PASSWORD);
    };
    expect([await shown(theirs), await shown(ours)]).toEqual([true, false]);
  });

  test("a token that is no longer good is written into the log (etcd's issue 20941)", async () => {
    const token = "a-canary-among-tokens.1";
    const written = async ({ side, member }: Bench) => {
      const headers = { Authorization: token };
      const body = JSON.stringify({ key: SECRET.toString("base64") });
      expect((await ask(side.url, { path: "/v3/kv/range", headers, body })).body).toContain(
        INVALID,
      );
      await member.wrote(/invalid auth token/);
      return member.output.includes(token);
    };
    expect([await written(theirs), await written(ours)]).toEqual([true, false]);
  });
});

test("when a user fills the quota he deletes secrets and turns auth off, in etcd 3.4.23", async () => {
  const overrun = async (make: Make) => {
    const { side } = await open(make, [`--quota-backend-bytes=${4 * 1024 * 1024}`]);
    await side.signIn();
    let told = "";
    for (let at = 0; at < 64 && told !== NO_SPACE; at++) {
      const put = { key: text(`/plain/${at}`), value: Buffer.alloc(256 * 1024, at) };
      told = textOf(await side.call("Put", put, "plain"));
    }
    expect(told).toBe(NO_SPACE);
    const deleted = textOf(await side.call("DeleteRange", { key: SECRET }, "plain"));
    const isGone = (await keysOf(side, { key: SECRET })).length === 0;
    const disabled = textOf(await side.call("AuthDisable", {}, "stranger"));
    const isOff = textOf(await side.call("Range", { key: DROP }, "stranger")) === "";
    return { deleted, isGone, disabled, isOff };
  };
  expect(await onBoth(overrun)).toEqual([
    { deleted: "", isGone: true, disabled: "", isOff: true },
    { deleted: DENIED, isGone: false, disabled: EMPTY, isOff: false },
  ]);
});

test("where no lease has a key, who has no token is told no lease", async () => {
  const listed = async (make: Make) => {
    const { side } = await open(make, []);
    await side.signIn();
    await side.must("LeaseGrant", { ID: LEASE, TTL: 600 }, "root");
    const { leases } = (await side.must("LeaseLeases", {}, "root")) as LeaseLeasesResponse;
    const others = leases.filter(({ ID }) => ID !== LEASE);
    for (const { ID } of others) await side.must("LeaseRevoke", { ID }, "root");
    return textOf(await side.call("LeaseLeases", {}, "stranger"));
  };
  expect(await onBoth(listed)).toEqual(["", EMPTY]);
});

test("a signed token without a name ends etcd 3.4.23 (etcd's pull request 15677)", async () => {
  const secret = join(folder, "jwt.key");
  writeFileSync(secret, JWT_SECRET);
  const isAlive = async (make: Make) => {
    const { member, side } = await open(make, [tokenFlag("jwt", secret)], "jwt");
    const headers = { Authorization: jwt(JWT_SECRET, undefined, 1) };
    const body = JSON.stringify({ key: SECRET.toString("base64") });
    const asked = ask(side.url, { path: "/v3/kv/range", headers, body });
    const [answer] = await Promise.allSettled([asked]);
    if (make === "quorate") expect(answer).toMatchObject({ value: { status: 401 } });
    else await member.ended();
    return member.isRunning;
  };
  expect(await onBoth(isAlive)).toEqual([false, true]);
});

/** Who gets through where, by the table of holes. */
function holesOf(make: Make, cells: readonly Cell[]): string[] {
  return OTHERS.flatMap((who) =>
    cells
      .filter(({ hole, need }) => {
        if (hole === undefined || refusalFor(who, need) === undefined) return false;
        return HOLES[hole].makes.includes(make) && HOLES[hole].to.includes(who);
      })
      .map((cell) => `${who}: ${nameOf(cell)}`),
  );
}

// Both at once: most of the time they wait for a token's end.
test.concurrent.for<Make>(["etcd-3.4", "etcd-3.5"])(
  "the matrix finds every hole of Debian's %s, and no other",
  async (make, { expect }) => {
    const { side } = await open(make, [tokenFlag("simple", "")]);
    await side.spendTokens();
    // Which would change what the rest is told.
    const cells = allCells().filter(({ path, disturbs }) => !(disturbs && path.endsWith("/Alarm")));
    const found: string[] = [];
    for (const who of OTHERS) {
      await side.signIn();
      for (const [cell, outcome] of await side.askAll(cells, who)) {
        if (isOpen(cell, who, outcome)) found.push(`${who}: ${nameOf(cell)}`);
      }
    }
    expect(found.toSorted()).toEqual(holesOf(make, cells).toSorted());
  },
);
