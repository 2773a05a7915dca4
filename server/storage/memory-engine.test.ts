import { expect, test } from "vitest";
import { describeEngine } from "./engine-conformance.suite.ts";
import { bytes } from "./engine-model.suite.ts";
import { MemoryEngine } from "./memory-engine.ts";

describeEngine("MemoryEngine", {
  create: async () => new MemoryEngine(),
  reopenAfterCrash: async (engine) => (engine as MemoryEngine).crash(),
});

test("after a commit that failed every call fails, and the disk keeps the commit before", async () => {
  let commits = 0;
  const engine = new MemoryEngine(async () => {
    if (++commits === 2) throw new Error("no space left on device");
  });
  engine.put("key", bytes("a"), bytes("1"));
  await engine.commit();
  engine.put("key", bytes("a"), bytes("2"));
  const failing = engine.commit();
  engine.put("key", bytes("a"), bytes("3"));
  const behind = engine.commit();
  await expect(failing).rejects.toThrow("no space left on device");
  await expect(behind).rejects.toThrow("no space left on device");
  await expect(engine.commit()).rejects.toThrow("no space left on device");
  expect(() => engine.get("key", bytes("a"))).toThrow("no space left on device");
  expect(engine.crash().get("key", bytes("a"))).toEqual(bytes("1"));
});

test("a commit in flight at a crash is lost whole", async () => {
  const gate = Promise.withResolvers<void>();
  const engine = new MemoryEngine(() => gate.promise);
  engine.put("key", bytes("a"), bytes("1"));
  engine.put("meta", bytes("index"), bytes("1"));
  const committing = engine.commit();
  const crashed = engine.crash();
  expect([...crashed.scan("key"), ...crashed.scan("meta")]).toEqual([]);
  gate.resolve();
  await committing;
  expect(engine.crash().get("meta", bytes("index"))).toEqual(bytes("1"));
});
