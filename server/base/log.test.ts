import { expect, test } from "vitest";
import { SystemClock } from "./clock.ts";
import { LineLog, type LineLogOptions } from "./log.ts";

function logOf(options: Partial<LineLogOptions> = {}, nowMs = 1_700_000_000_678) {
  const lines: string[] = [];
  class StoppedClock extends SystemClock {
    override now(): number {
      return nowMs;
    }
  }
  const log = new LineLog({
    clock: new StoppedClock(),
    level: "info",
    format: "json",
    write: (line) => lines.push(line),
    ...options,
  });
  return { log, lines };
}

test("a line has etcd's fields in etcd's order, and a time with six digits and a zone", () => {
  const { log, lines } = logOf();
  log.named("raft/leader").warn("slow", { took: "5s", id: 7n, error: new Error("no") });
  expect(lines).toHaveLength(1);
  const entry = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  expect(Object.keys(entry)).toEqual(["level", "ts", "caller", "msg", "took", "id", "error"]);
  expect(entry).toMatchObject({ level: "warn", caller: "raft/leader", id: "7", error: "no" });
  expect(entry["ts"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.678000(Z|[+-]\d{4})$/);
});

test("a byte that is no UTF-8 is shown as etcd shows it", () => {
  const { log, lines } = logOf();
  log.info("x", { user: "p\udce4\udce5", roles: ["\udcff"], error: new Error("\udc80") });
  // As text, not as the escape of half a pair, which readers of JSON may refuse.
  expect(lines[0]).toContain('"user":"p\ufffd\ufffd","roles":["\ufffd"],"error":"\ufffd"}');
});

test("a logger's name stands before the caller, and stays with logs made of it", () => {
  const { log, lines } = logOf();
  log.named("raft", "raft").named("core").info("x");
  const entry = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  expect(Object.keys(entry)).toEqual(["level", "ts", "logger", "caller", "msg"]);
  expect(entry).toMatchObject({ logger: "raft", caller: "core" });
});

test("the level is a threshold", () => {
  const { log, lines } = logOf({ level: "error" });
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  log.fatal("e");
  expect(lines).toHaveLength(2);
});

test("the console's form is one line apart by tabs, whatever a message holds", () => {
  const { log, lines } = logOf({ format: "console" });
  log.info("two\nlines", { a: 1 });
  expect(lines[0]).toMatch(/^\S+\tinfo\tetcd\ttwo\\nlines\t\{"a":1\}\n$/);
});

test("a message that repeats itself is thinned out, others are not", () => {
  const { log, lines } = logOf();
  for (let count = 0; count < 1_000; count++) log.info("again");
  log.info("once");
  expect(lines).toHaveLength(100 + 9 + 1);
});
