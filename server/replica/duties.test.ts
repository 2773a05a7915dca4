import { expect, test } from "vitest";
import { type Outcome, succeeded } from "../apply/outcome.ts";
import { ReplicatedState } from "../apply/replicated-state.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import type { Cancel } from "../base/clock.ts";
import { SILENT_LOG } from "../base/log.ts";
import { SteppedClock } from "../base/stepped-clock.suite.ts";
import { AlarmType } from "../proto/gen/rpc.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { Duties } from "./duties.ts";
import type { Replica } from "./replica.ts";

const LOCAL = 1n;

class Ground extends SteppedClock {
  readonly periods: number[] = [];
  readonly proposals: PromiseWithResolvers<Outcome>[] = [];
  readonly state = new ReplicatedState({
    engine: new MemoryEngine(),
    membership: { memberId: LOCAL, clusterId: 2n },
    leaseTtlMinSeconds: 2,
    clock: this,
    serverVersion: "3.5.16",
  });

  override every(periodMs: number, callback: () => void): Cancel {
    this.periods.push(periodMs);
    return super.every(periodMs, callback);
  }

  duties(downgradeCheckMs = 5000): Duties {
    const propose = () => {
      const proposal = Promise.withResolvers<Outcome>();
      this.proposals.push(proposal);
      return proposal.promise;
    };
    return new Duties({
      replica: { isLeader: false, nextId: () => 7n, propose } as unknown as Replica,
      state: this.state,
      clock: this,
      log: SILENT_LOG,
      electionMs: 1000,
      timeoutMs: 7000,
      downgradeCheckMs,
      leaseCheckpoint: false,
      attributes: { name: "m1", clientUrls: [] },
      calls: () => undefined,
    });
  }
}

test("nobody looks whether a downgrade is done when the time between two looks is 0", () => {
  const [some, none] = [new Ground(), new Ground()];
  some.duties(1).start(() => undefined);
  none.duties(0).start(() => undefined);
  expect(some.periods).toHaveLength(none.periods.length + 1);
  expect(Math.min(...some.periods)).toBe(10);
});

test("whoever finds the file full waits for the one alarm, until it is raised", async () => {
  const ground = new Ground();
  const duties = ground.duties();
  let heard = 0;
  const asking = [duties.raiseNoSpace(), duties.raiseNoSpace()].map(async (raised) => {
    await raised;
    heard++;
  });
  await ground.advance(1000);
  expect([ground.proposals.length, heard]).toEqual([1, 0]);
  ground.state.alarms.activate(LOCAL, AlarmType.NOSPACE);
  ground.proposals[0]?.resolve(succeeded(1, EMPTY_BYTES));
  await Promise.all(asking);
  await duties.raiseNoSpace();
  expect(ground.proposals).toHaveLength(1);
});

test("a member is ready when it is published and the cluster version is known", async () => {
  const ground = new Ground();
  let ready = 0;
  ground.duties().start(() => ready++);
  ground.proposals[0]?.resolve(succeeded(1, EMPTY_BYTES));
  await ground.advance(1000);
  expect(ready).toBe(0);
  ground.state.membership.setClusterVersion("3.5.0", "3.5.16");
  await ground.advance(1000);
  expect(ready).toBe(1);
});
