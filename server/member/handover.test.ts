import { expect, test } from "vitest";
import { type Log, type LogFields, SILENT_LOG } from "../base/log.ts";
import { SteppedClock } from "../base/stepped-clock.suite.ts";
import { additionOf } from "../membership/conf-changes.ts";
import { Membership } from "../membership/membership.ts";
import { Leadership } from "../replica/leadership.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { handOverLeadership } from "./handover.ts";

const [LOCAL, OTHER] = [0xan, 0xbn];

/** @param successor who leads when it is told to; `undefined`: nobody follows */
function scene(
  voters: readonly bigint[],
  leader: bigint,
  { isActive = true, follows = true } = {},
) {
  const clock = new SteppedClock();
  const membership = new Membership(new MemoryEngine(), { memberId: LOCAL, clusterId: 1n });
  for (const id of voters) {
    const member = {
      id,
      name: "",
      peerUrls: [`http://m${id}:1`],
      isLearner: false,
      clientUrls: [],
    };
    membership.apply(additionOf(member, 0n));
  }
  const lines: (readonly [message: string, fields?: LogFields])[] = [];
  const note = (message: string, fields: LogFields = {}) => void lines.push([message, fields]);
  const log: Log = { ...SILENT_LOG, info: note, warn: note };
  const activeSince = (id: bigint) => (isActive && id === OTHER ? 0 : undefined);
  const leadership = new Leadership({
    memberId: LOCAL,
    clock,
    timing: { heartbeatMs: 100, electionTicks: 10 },
    voters: () => voters,
    sink: { activeSince },
  });
  leadership.observe({ isLeader: leader === LOCAL, leader });
  const replica = {
    leadership,
    get isLeader() {
      return leadership.isLeader;
    },
    withRaft: () => {
      if (follows) leadership.observe({ isLeader: false, leader: OTHER });
    },
  };
  const done = handOverLeadership({
    replica,
    state: { membership },
    transport: { activeSince },
    clock,
    log,
  });
  return { lines, done, clock };
}

const local = { "local-member-id": "a" };
const led = { ...local, "current-leader-member-id": "a" };
const starting = ["leadership transfer starting", { ...led, "transferee-member-id": "b" }] as const;

test("a leader that hands over says to whom, and when that is done", async () => {
  const { lines, done } = scene([LOCAL, OTHER], LOCAL);
  await done;
  const ids = { ...local, "old-leader-member-id": "a", "new-leader-member-id": "b" };
  expect(lines).toEqual([
    starting,
    ["leadership transfer finished", { ...ids, took: expect.stringMatching(/s$/) }],
  ]);
});

test("a handover that nobody takes is told, in etcd's words for each reason", async () => {
  const alone = scene([LOCAL, OTHER], LOCAL, { isActive: false });
  await alone.done;
  expect(alone.lines.map(([message, fields]) => [message, String(fields?.["error"])])).toEqual([
    ["leadership transfer failed", "EtcdError: etcdserver: unhealthy cluster"],
  ]);
  const ignored = scene([LOCAL, OTHER], LOCAL, { follows: false });
  for (let count = 0; count < 100; count++) await ignored.clock.advance(20);
  await ignored.done;
  expect(ignored.lines[0]).toEqual(starting);
  expect(ignored.lines[1]?.[0]).toBe("leadership transfer failed");
});

test("whoever has nothing to hand over says why", async () => {
  const single = scene([LOCAL], LOCAL);
  const follower = scene([LOCAL, OTHER], OTHER);
  await Promise.all([single.done, follower.done]);
  expect(single.lines).toEqual([
    ["skipped leadership transfer for single voting member cluster", led],
  ]);
  expect(follower.lines).toEqual([
    [
      "skipped leadership transfer; local server is not leader",
      { ...local, "current-leader-member-id": "b" },
    ],
  ]);
});
