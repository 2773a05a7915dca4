import { expect, test } from "vitest";
import { AlarmType } from "../proto/gen/rpc.ts";
import { MemoryEngine } from "../storage/memory-engine.ts";
import { AlarmStore } from "./alarm-store.ts";

const MEMBER = 2n ** 64n - 1n;

test("an alarm is raised once per member and type, survives a restart and is disarmed once", () => {
  const engine = new MemoryEngine();
  const store = AlarmStore.open(engine);
  const raised = store.activate(MEMBER, AlarmType.NOSPACE);
  expect(store.activate(MEMBER, AlarmType.NOSPACE)).toEqual(raised);
  store.activate(1n, AlarmType.NOSPACE);
  store.activate(1n, AlarmType.CORRUPT);
  const reopened = AlarmStore.open(engine);
  expect(reopened.list(AlarmType.NONE)).toEqual([
    { memberID: 1n, alarm: AlarmType.NOSPACE },
    { memberID: 1n, alarm: AlarmType.CORRUPT },
    { memberID: MEMBER, alarm: AlarmType.NOSPACE },
  ]);
  expect(reopened.list(AlarmType.CORRUPT)).toEqual([{ memberID: 1n, alarm: AlarmType.CORRUPT }]);
  expect(reopened.deactivate(1n, AlarmType.CORRUPT)).toEqual({ memberID: 1n, alarm: 2 });
  expect(reopened.deactivate(1n, AlarmType.CORRUPT)).toBeUndefined();
  expect(reopened.isActive(AlarmType.CORRUPT)).toBe(false);
  expect([reopened.isRaised(1n, AlarmType.CORRUPT), reopened.count]).toEqual([false, 2]);
  expect(reopened.isRaised(MEMBER, AlarmType.NOSPACE)).toBe(true);
  expect(reopened.list(AlarmType.NONE)).toHaveLength(2);
  expect(reopened.isActive(AlarmType.NOSPACE)).toBe(true);
  expect(AlarmStore.open(engine).list(AlarmType.NONE)).toHaveLength(2);
});
