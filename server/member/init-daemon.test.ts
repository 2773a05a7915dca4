import { expect, test } from "vitest";
import { type Log, type LogFields, SILENT_LOG } from "../base/log.ts";
import { notifyInitDaemon } from "./init-daemon.ts";

function notified(socket: string | undefined) {
  const lines: (readonly [level: string, message: string, fields?: LogFields])[] = [];
  const log: Log = {
    ...SILENT_LOG,
    info: (message) => void lines.push(["info", message]),
    error: (message, fields = {}) => void lines.push(["error", message, fields]),
  };
  notifyInitDaemon(log, socket);
  return lines;
}

test("a unit of Type=notify, which would wait for ever, is told what to use", () => {
  expect(notified("/run/systemd/notify")).toEqual([
    ["info", "notifying init daemon"],
    [
      "error",
      "failed to notify systemd for readiness",
      { error: expect.stringContaining("use Type=exec") },
    ],
  ]);
});

test("where nobody waits nothing is said", () => {
  expect([notified(undefined), notified("")]).toEqual([[], []]);
});
