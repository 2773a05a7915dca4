import { afterEach, describe, expect, test } from "vitest";
import { compareBytes } from "../base/bytes.ts";
import type { Engine, View } from "./engine.ts";
import { ENGINE_KEY_BYTES_MAX } from "./engine.ts";
import { agreesWithAMap, bytes, type Crash, type Create, listing } from "./engine-model.suite.ts";
import { TABLES, type Table } from "./tables.ts";

/** One kind of engine under test. */
export interface EngineKind {
  /** An empty engine. */
  create(): Promise<Engine>;
  /** What a new process finds after this engine's process has ended at once. */
  reopenAfterCrash(engine: Engine): Promise<Engine>;
}

function contentOf(view: View): Map<Table, string[]> {
  return new Map(TABLES.map((table) => [table, listing(view.scan(table))]));
}

function revisionKey(main: number, sub = 0): Buffer {
  const key = Buffer.alloc(17, "_");
  key.writeBigUInt64BE(BigInt(main), 0);
  key.writeBigUInt64BE(BigInt(sub), 9);
  return key;
}

export function describeEngine(name: string, kind: EngineKind): void {
  describe(name, () => {
    const opened: Engine[] = [];
    const remember = (engine: Engine) => {
      opened.push(engine);
      return engine;
    };
    const create = async () => remember(await kind.create());
    const crash = async (engine: Engine) => {
      opened.splice(opened.indexOf(engine), 1);
      return remember(await kind.reopenAfterCrash(engine));
    };
    afterEach(async () => {
      for (const engine of opened.splice(0)) await engine.close();
    });
    readingAndWriting(create);
    durability(create, crash);
    pictures(create);
    rewriting(create, crash);
    agreesWithAMap(create, crash);
  });
}

function readingAndWriting(create: Create): void {
  test("what is put is read at once, before and after its commit", async () => {
    const engine = await create();
    engine.put("key", bytes("a"), bytes("1"));
    expect(engine.get("key", bytes("a"))).toEqual(bytes("1"));
    expect(engine.get("meta", bytes("a"))).toBeUndefined();
    await engine.commit();
    expect(engine.get("key", bytes("a"))).toEqual(bytes("1"));
    engine.delete("key", bytes("a"));
    expect(engine.get("key", bytes("a"))).toBeUndefined();
    await engine.commit();
    expect(engine.get("key", bytes("a"))).toBeUndefined();
    expect(listing(engine.scan("key"))).toEqual([]);
  });

  test("a scan merges committed and pending rows in byte order, in both directions", async () => {
    const engine = await create();
    for (const key of ["\x00", "b", "d", "f", "\xff"]) engine.put("key", bytes(key), bytes("old"));
    await engine.commit();
    engine.put("key", bytes("e"), bytes("new"));
    engine.put("key", bytes("a"), bytes("new"));
    engine.put("key", bytes("b"), bytes("new"));
    engine.delete("key", bytes("d"));
    const all = ["\x00=old", "a=new", "b=new", "e=new", "f=old", "\xff=old"];
    expect(listing(engine.scan("key"))).toEqual(all);
    expect(listing(engine.scan("key", { reverse: true }))).toEqual(all.toReversed());
  });

  test("bounds: the start is in, the end is out, whichever way the scan goes", async () => {
    const engine = await create();
    for (const key of ["a", "b", "c", "d"]) engine.put("key", bytes(key), bytes(""));
    for (const committed of [false, true]) {
      if (committed) await engine.commit();
      const keys = (start: string | undefined, end: string | undefined, reverse: boolean) => {
        const range = {
          start: start === undefined ? undefined : bytes(start),
          end: end === undefined ? undefined : bytes(end),
          reverse,
        };
        return Array.from(engine.scan("key", range), ([key]) => key.toString()).join("");
      };
      expect(keys("b", "d", false)).toBe("bc");
      expect(keys("b", "d", true)).toBe("cb");
      expect(keys("bb", "cc", false)).toBe("c");
      expect(keys("bb", "cc", true)).toBe("c");
      expect(keys(undefined, "c", true)).toBe("ba");
      expect(keys("c", undefined, true)).toBe("dc");
      expect(keys("", undefined, false)).toBe("abcd");
      expect(keys("a", "", false)).toBe("");
      expect(keys("c", "b", false)).toBe("");
    }
  });

  test("a scan that stops early leaves the engine usable", async () => {
    const engine = await create();
    for (let i = 0; i < 100; i++) engine.put("key", revisionKey(i), bytes("x"));
    await engine.commit();
    for (let round = 0; round < 300; round++) {
      for (const [key] of engine.scan("key")) {
        expect(key).toEqual(revisionKey(0));
        break;
      }
    }
    engine.put("key", revisionKey(7), bytes("y"));
    await engine.commit();
    expect(engine.get("key", revisionKey(7))).toEqual(bytes("y"));
  });

  test("keys of every length and byte, values from none to 1.5 MiB", async () => {
    const engine = await create();
    const long = Buffer.alloc(ENGINE_KEY_BYTES_MAX, 0xff);
    const large = Buffer.alloc(1_536 * 1024, 0xa5);
    engine.put("authUsers", long, large);
    engine.put("authUsers", Buffer.alloc(1_900, 0), bytes(""));
    for (let byte = 0; byte < 256; byte++) engine.put("authUsers", Buffer.of(byte), bytes("v"));
    for (const committed of [false, true]) {
      if (committed) await engine.commit();
      const rows = Array.from(engine.scan("authUsers"), ([key]) => key);
      expect(rows).toHaveLength(258);
      expect(rows.toSorted(compareBytes)).toEqual(rows);
      expect(engine.get("authUsers", long)?.equals(large)).toBe(true);
      expect(engine.get("authUsers", Buffer.alloc(1_900, 0))).toEqual(bytes(""));
    }
    expect(engine.get("authUsers", Buffer.alloc(64 * 1024))).toBeUndefined();
    expect(engine.get("authUsers", bytes(""))).toBeUndefined();
  });

  test("keys that no table can hold are refused when they are put", async () => {
    const engine = await create();
    expect(() => engine.put("key", bytes(""), bytes("v"))).toThrow("at least one byte");
    const long = Buffer.alloc(ENGINE_KEY_BYTES_MAX + 1);
    expect(() => engine.put("key", long, bytes("v"))).toThrow("too long");
    expect(engine.pendingCount).toBe(0);
  });

  test("buffers handed out stay what they were", async () => {
    const engine = await create();
    for (let i = 0; i < 50; i++) engine.put("key", revisionKey(i), Buffer.alloc(100 + i, i));
    await engine.commit();
    const values = Array.from({ length: 50 }, (_, i) => engine.get("key", revisionKey(i)));
    const rows = [...engine.scan("key")];
    for (let i = 0; i < 50; i++) engine.put("key", revisionKey(i), Buffer.alloc(200, 0xee));
    await engine.commit();
    for (let i = 0; i < 50; i++) engine.get("key", revisionKey(i));
    for (const [i, value] of values.entries()) {
      expect(value).toEqual(Buffer.alloc(100 + i, i));
      expect(rows[i]).toEqual([revisionKey(i), value]);
    }
  });

  test("pending counts what no commit has taken", async () => {
    const engine = await create();
    engine.put("key", bytes("abc"), bytes("12345"));
    engine.delete("lease", bytes("l"));
    expect([engine.pendingCount, engine.pendingBytes]).toEqual([2, 9]);
    const committed = engine.commit();
    expect([engine.pendingCount, engine.pendingBytes]).toEqual([0, 0]);
    expect(engine.uncommittedBytes).toBeGreaterThan(9);
    await committed;
    expect(engine.uncommittedBytes).toBe(0);
    await engine.commit();
  });
}

function durability(create: Create, crash: Crash): void {
  test("a crash keeps every commit that ended and nothing that none has taken", async () => {
    let engine = await create();
    engine.put("meta", bytes("consistent_index"), bytes("1"));
    engine.put("key", revisionKey(2), bytes("kept"));
    await engine.commit();
    engine.put("meta", bytes("consistent_index"), bytes("2"));
    engine.put("key", revisionKey(3), bytes("lost"));
    engine.delete("key", revisionKey(2));
    engine = await crash(engine);
    expect(engine.get("meta", bytes("consistent_index"))).toEqual(bytes("1"));
    expect(Array.from(engine.scan("key"), ([, value]) => value.toString())).toEqual(["kept"]);
  });

  test("while it is held, commits and pictures wait, and get all of the change", async () => {
    const engine = await create();
    engine.put("key", bytes("a"), bytes("1"));
    engine.hold();
    const committing = engine.commit();
    const taking = engine.snapshot();
    engine.put("key", bytes("b"), bytes("2"));
    await new Promise((resolve) => setImmediate(resolve));
    expect(engine.pendingCount).toBe(2);
    engine.put("key", bytes("c"), bytes("3"));
    engine.release();
    engine.put("key", bytes("d"), bytes("4"));
    await committing;
    const picture = await taking;
    expect(listing(picture.scan("key"))).toEqual(["a=1", "b=2", "c=3"]);
    picture.close();
    expect(listing((await crash(engine)).scan("key"))).toEqual(["a=1", "b=2", "c=3"]);
  });

  test("overlapping commits end in order, and reads see no hole meanwhile", async () => {
    let engine = await create();
    const ended: number[] = [];
    const commits: Promise<void>[] = [];
    for (let i = 0; i < 40; i++) {
      engine.put("key", revisionKey(i), bytes(`value ${i}`));
      engine.put("meta", bytes("last"), bytes(String(i)));
      commits.push(engine.commit().then(() => void ended.push(i)));
      if (i % 7 === 0) await commits[Math.max(0, i - 3)];
      for (let back = 0; back <= i; back++) {
        expect(engine.get("key", revisionKey(back))).toEqual(bytes(`value ${back}`));
      }
      expect([...engine.scan("key")]).toHaveLength(i + 1);
    }
    await Promise.all(commits);
    expect(ended).toEqual(Array.from({ length: 40 }, (_, i) => i));
    engine = await crash(engine);
    expect([...engine.scan("key")]).toHaveLength(40);
    expect(engine.get("meta", bytes("last"))).toEqual(bytes("39"));
  });

  test("a scan across a commit shows the rows of when it began", async () => {
    const engine = await create();
    for (let i = 0; i < 20; i += 2) engine.put("key", revisionKey(i), bytes("a"));
    await engine.commit();
    for (let i = 1; i < 20; i += 2) engine.put("key", revisionKey(i), bytes("b"));
    const rows = engine.scan("key")[Symbol.iterator]();
    const seen: string[] = [];
    for (let at = 0; at < 20; at++) {
      if (at === 5) await engine.commit();
      const next = rows.next();
      if (next.done !== true) seen.push(next.value[1].toString());
    }
    expect(rows.next().done).toBe(true);
    expect(seen.join("")).toBe("ab".repeat(10));
  });

  test("closing flushes, and a closed engine refuses everything", async () => {
    const engine = await create();
    engine.put("key", bytes("a"), bytes("1"));
    await engine.close();
    expect(() => engine.get("key", bytes("a"))).toThrow("closed");
    expect(() => engine.put("key", bytes("a"), bytes("1"))).toThrow("closed");
    await expect(engine.commit()).rejects.toThrow("closed");
  });
}

function pictures(create: Create): void {
  test("a snapshot shows what was put before the call, whatever is written after", async () => {
    const engine = await create();
    engine.put("key", revisionKey(1), bytes("before"));
    engine.put("lease", bytes("l"), bytes("before"));
    const taking = engine.snapshot();
    engine.put("key", revisionKey(1), bytes("after"));
    engine.put("key", revisionKey(2), bytes("after"));
    engine.delete("lease", bytes("l"));
    const committing = engine.commit();
    const snapshot = await taking;
    await committing;
    for (let i = 3; i < 200; i++) {
      engine.put("key", revisionKey(i), bytes("after"));
      if (i % 20 === 0) await engine.commit();
    }
    expect(listing(snapshot.scan("key"))).toEqual([`${revisionKey(1).toString("latin1")}=before`]);
    expect(snapshot.get("lease", bytes("l"))).toEqual(bytes("before"));
    expect(snapshot.get("key", revisionKey(2))).toBeUndefined();
    expect(listing(snapshot.scan("key", { start: revisionKey(2) }))).toEqual([]);
    snapshot.close();
    expect(engine.get("lease", bytes("l"))).toBeUndefined();
    expect(() => snapshot.get("lease", bytes("l"))).toThrow("closed");
  });

  test("two snapshots at different times do not disturb each other", async () => {
    const engine = await create();
    engine.put("meta", bytes("n"), bytes("1"));
    const first = await engine.snapshot();
    engine.put("meta", bytes("n"), bytes("2"));
    const second = await engine.snapshot();
    engine.put("meta", bytes("n"), bytes("3"));
    await engine.commit();
    first.close();
    expect(second.get("meta", bytes("n"))).toEqual(bytes("2"));
    expect(engine.get("meta", bytes("n"))).toEqual(bytes("3"));
    second.close();
  });
}

function rewriting(create: Create, crash: Crash): void {
  async function* rows(list: readonly [Table, string, string][]) {
    for (const [table, key, value] of list) {
      await Promise.resolve();
      yield [table, bytes(key), bytes(value)] as const;
    }
  }

  test("defragmenting keeps the content and what is written meanwhile", async () => {
    let engine = await create();
    for (let i = 0; i < 3_000; i++) engine.put("key", revisionKey(i), Buffer.alloc(300, i));
    engine.put("meta", bytes("m"), bytes("1"));
    await engine.commit();
    for (let i = 0; i < 2_900; i++) engine.delete("key", revisionKey(i));
    await engine.commit();
    const before = engine.size();
    const held = await engine.snapshot();
    const defragmenting = engine.defragment();
    engine.put("meta", bytes("m"), bytes("2"));
    const committing = engine.commit();
    await defragmenting;
    await committing;
    expect(engine.get("meta", bytes("m"))).toEqual(bytes("2"));
    expect(held.get("meta", bytes("m"))).toEqual(bytes("1"));
    expect([...held.scan("key")]).toHaveLength(100);
    held.close();
    expect(engine.size().totalBytes).toBeLessThanOrEqual(before.totalBytes);
    expect(engine.size().inUseBytes).toBeLessThanOrEqual(engine.size().totalBytes);
    engine = await crash(engine);
    expect([...engine.scan("key")]).toHaveLength(100);
    expect(engine.get("meta", bytes("m"))).toEqual(bytes("2"));
  });

  test("replacing leaves nothing of the old content, also after a crash", async () => {
    let engine = await create();
    engine.put("key", bytes("old"), bytes("1"));
    await engine.commit();
    engine.put("lease", bytes("pending"), bytes("1"));
    const lines: [Table, string, string][] = [
      ["meta", "consistent_index", "9"],
      ["key", "new", "2"],
    ];
    await engine.replace(rows(lines));
    const expected = new Map<Table, string[]>(TABLES.map((table) => [table, []]));
    expected.set("meta", ["consistent_index=9"]).set("key", ["new=2"]);
    expect(contentOf(engine)).toEqual(expected);
    engine.put("key", bytes("next"), bytes("3"));
    await engine.commit();
    engine = await crash(engine);
    expect(listing(engine.scan("key"))).toEqual(["new=2", "next=3"]);
  });

  test("a replacement whose source breaks leaves everything as it was", async () => {
    let engine = await create();
    engine.put("key", bytes("old"), bytes("1"));
    await engine.commit();
    const broken = async function* () {
      yield* rows([["key", "new", "2"]]);
      throw new Error("the sender is gone");
    };
    await expect(engine.replace(broken())).rejects.toThrow("the sender is gone");
    expect(listing(engine.scan("key"))).toEqual(["old=1"]);
    engine.put("key", bytes("older"), bytes("2"));
    await engine.commit();
    engine = await crash(engine);
    expect(listing(engine.scan("key"))).toEqual(["old=1", "older=2"]);
  });
}
