import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, expect, test, vi } from "vitest";
import { EngineFailedError } from "./engine.ts";
import { Layer } from "./layer.ts";
import { LmdbCommitThread } from "./lmdb-commit-thread.ts";
import { LmdbEngine } from "./lmdb-engine.ts";

const root = mkdtempSync(join(tmpdir(), "commit-thread-"));
afterAll(() => rmSync(root, { recursive: true }));

function layerOf(rows: Readonly<Record<string, string>>): Layer {
  const layer = new Layer();
  for (const [key, value] of Object.entries(rows)) {
    layer.set("key", Buffer.from(key), Buffer.from(value));
  }
  return layer;
}

test("a file that cannot be written fails its commit, and no other's", async () => {
  const bad = LmdbCommitThread.shared().commit(root, layerOf({ a: "1" }));
  await expect(bad).rejects.toThrow("Is a directory");
  const engine = await LmdbEngine.open(join(root, "good"));
  engine.put("key", Buffer.from("a"), Buffer.from("1"));
  await engine.commit();
  await engine.close();
});

test("engines side by side commit to files of their own", async () => {
  const engines = await Promise.all(
    ["one", "two", "three"].map((name) => LmdbEngine.open(join(root, name))),
  );
  for (let round = 0; round < 20; round++) {
    for (const [at, engine] of engines.entries()) {
      engine.put("key", Buffer.from(`key ${round}`), Buffer.from(`engine ${at}`));
    }
    await Promise.all(engines.map((engine) => engine.commit()));
  }
  for (const [at, engine] of engines.entries()) {
    const rows = [...engine.scan("key")].map(([, value]) => value.toString());
    expect(rows).toEqual(Array(20).fill(`engine ${at}`));
    await engine.close();
  }
});

test("when the thread dies, commits fail instead of waiting, and a new engine gets a new one", async () => {
  const engine = await LmdbEngine.open(join(root, "orphan"));
  engine.put("key", Buffer.from("a"), Buffer.from("1"));
  await engine.commit();
  engine.put("key", Buffer.from("b"), Buffer.from("2"));
  const dying = vi.spyOn(Worker.prototype, "postMessage").mockImplementationOnce(function (
    this: Worker,
  ) {
    void this.terminate();
  });
  await expect(engine.commit()).rejects.toThrow(EngineFailedError);
  dying.mockRestore();
  expect(() => engine.get("key", Buffer.from("a"))).toThrow(EngineFailedError);
  await engine.close();
  const next = await LmdbEngine.open(join(root, "orphan"));
  expect(next.get("key", Buffer.from("a"))?.toString()).toBe("1");
  next.put("key", Buffer.from("b"), Buffer.from("3"));
  await next.commit();
  await next.close();
});
