import { expect, test } from "vitest";
import { SILENT_LOG } from "../base/log.ts";
import { SteppedClock } from "../base/stepped-clock.suite.ts";
import { type Message, MessageType } from "../raft/message.ts";
import { HeartbeatPace } from "./heartbeat-pace.ts";

test("a heartbeat is late after more than two intervals, and silence before a term is not", async () => {
  const clock = new SteppedClock();
  const warnings: unknown[] = [];
  const sent: Message[] = [];
  const pace = new HeartbeatPace({
    transport: { send: (messages) => sent.push(...messages), activeSince: () => undefined },
    clock,
    timing: { heartbeatMs: 100, electionTicks: 10 },
    log: { ...SILENT_LOG, warn: (_message, fields) => void warnings.push(fields) },
  });
  const beat = (to: bigint) => pace.send([{ type: MessageType.HEARTBEAT, to } as Message]);
  beat(2n);
  await clock.advance(200);
  beat(2n);
  expect(pace.lateCount).toBe(0);
  await clock.advance(201);
  beat(2n);
  beat(3n);
  pace.send([{ type: MessageType.APPEND, to: 3n } as Message]);
  expect(pace.lateCount).toBe(1);
  expect(warnings).toEqual([
    {
      to: "2",
      "heartbeat-interval": "100ms",
      "expected-duration": "200ms",
      "exceeded-duration": "1.000ms",
    },
  ]);
  pace.reset();
  await clock.advance(10_000);
  beat(2n);
  expect(pace.lateCount).toBe(1);
  expect(sent.length).toBe(6);
});
