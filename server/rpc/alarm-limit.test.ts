import { expect, test } from "vitest";
import { AlarmStore } from "../alarm/alarm-store.ts";
import { AlarmRequest_AlarmAction as Action, AlarmType } from "../proto/gen/rpc.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { ALARMS_MAX, AlarmLimit } from "./alarm-limit.ts";

test("only so many alarms are raised, those under way counted; the others can be asked for", async () => {
  const alarms = AlarmStore.open(new MemoryEngine());
  const limit = new AlarmLimit();
  const pending = Promise.withResolvers<void>();
  const ask = (action: Action, memberID: bigint, propose: () => Promise<unknown>) =>
    limit.take(alarms, { action, memberID, alarm: AlarmType.NOSPACE }, propose);
  const applied = async () => undefined;
  const raising = ask(Action.ACTIVATE, 1n, () => pending.promise);
  for (let id = 2n; id <= BigInt(ALARMS_MAX); id++) {
    await ask(Action.ACTIVATE, id, async () => alarms.activate(id, AlarmType.NOSPACE));
  }
  await expect(ask(Action.ACTIVATE, 0n, applied)).rejects.toThrow("too many requests");
  await ask(Action.ACTIVATE, 2n, applied);
  await ask(Action.GET, 0n, applied);
  await ask(Action.DEACTIVATE, 0n, applied);
  pending.resolve();
  await raising;
  await ask(Action.ACTIVATE, 0n, applied);
});
