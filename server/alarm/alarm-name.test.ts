import { expect, test } from "vitest";
import { AlarmType } from "../proto/gen/rpc.ts";
import { alarmName } from "./alarm-name.ts";

test("an alarm of a known type goes by its name, any other by its number", () => {
  for (const [name, type] of Object.entries(AlarmType)) expect(alarmName(type)).toBe(name);
  expect([3, 2 ** 31 - 1, -1].map(alarmName)).toEqual(["3", "2147483647", "-1"]);
});
