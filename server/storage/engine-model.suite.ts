import fc from "fast-check";
import { expect, test } from "vitest";
import type { Engine, Row, View } from "./engine.ts";
import { TABLES, type Table } from "./tables.ts";

/** An empty engine. */
export type Create = () => Promise<Engine>;
/** What a new process finds after this engine's process has ended at once. */
export type Crash = (engine: Engine) => Promise<Engine>;

export const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

/** Rows as text, short enough to compare. */
export function listing(rows: Iterable<Row>): string[] {
  return Array.from(
    rows,
    ([key, value]) => `${key.toString("latin1")}=${value.toString("latin1")}`,
  );
}

export function agreesWithAMap(create: Create, crash: Crash): void {
  const table = fc.constantFrom<Table>("key", "lease", "meta");
  const key = fc.integer({ min: 0, max: 30 }).map((n) => bytes(`k${n}`));
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ op: fc.constant("put" as const), table, key, n: fc.nat() }),
    },
    { weight: 3, arbitrary: fc.record({ op: fc.constant("delete" as const), table, key }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant("commit" as const), wait: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("crash" as const) }) },
  );

  test("any sequence of writes, commits and crashes shows what a plain map shows", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        let engine = await create();
        let live = new Map<string, string>();
        let durable = live;
        for (const what of steps) {
          if (what.op === "put") {
            engine.put(what.table, what.key, bytes(String(what.n)));
            live.set(`${what.table}/${what.key.toString()}`, String(what.n));
          } else if (what.op === "delete") {
            engine.delete(what.table, what.key);
            live.delete(`${what.table}/${what.key.toString()}`);
          } else if (what.op === "commit") {
            const committing = engine.commit();
            durable = new Map(live);
            if (what.wait) await committing;
          } else {
            await engine.commit();
            engine.put("auth", bytes("torn"), bytes("never seen again"));
            durable = new Map(live);
            engine = await crash(engine);
            live = new Map(durable);
          }
        }
        expect(flat(engine)).toEqual([...live].map(([at, n]) => `${at}=${n}`).toSorted());
      }),
      { numRuns: 25 },
    );
  });

  function flat(view: View): string[] {
    return TABLES.flatMap((name) => listing(view.scan(name)).map((row) => `${name}/${row}`)).sort();
  }
}
