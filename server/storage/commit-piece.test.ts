import fc from "fast-check";
import { expect, test } from "vitest";
import { piecesOf, rowsOf } from "./commit-piece.ts";
import { Layer } from "./layer.ts";
import { openSealed, SEAL_BYTES, seal } from "./sealed-value.ts";
import { TABLES } from "./tables.ts";

/** What the other side finds: the rows in their order, values as hex, null for a deletion. */
function received(layer: Layer): { rows: string[]; pieces: number } {
  const rows: string[] = [];
  let pieces = 0;
  for (const piece of piecesOf(layer)) {
    pieces++;
    expect(piece.usedBytes).toBeLessThanOrEqual(piece.memory.byteLength);
    for (const { table, key, place } of rowsOf(piece)) {
      const value = place?.subarray(0, place.length - SEAL_BYTES);
      rows.push(`${table} ${key.toString("hex")} ${value?.toString("hex") ?? "null"}`);
    }
  }
  return { rows, pieces };
}

test("whatever a layer holds arrives, table by table, the last write of each key", () => {
  const bytes = (minLength: number) =>
    fc.uint8Array({ minLength, maxLength: 40 }).map((content) => Buffer.from(content));
  const write = fc.record({
    table: fc.constantFrom(...TABLES),
    key: bytes(1),
    value: fc.option(bytes(0)),
  });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 80 }), (writes) => {
      const layer = new Layer();
      const expected = new Map<string, string>();
      for (const { table, key, value } of writes) {
        layer.set(table, key, value);
        expected.set(`${table} ${key.toString("hex")}`, value?.toString("hex") ?? "null");
      }
      const { rows } = received(layer);
      expect(rows.toSorted()).toEqual([...expected].map((row) => row.join(" ")).toSorted());
      const tables = rows.map((row) => TABLES.indexOf(row.split(" ")[0] as (typeof TABLES)[0]));
      expect(tables).toEqual(tables.toSorted((a, b) => a - b));
    }),
  );
});

test("much comes in several pieces, and a long value in one of its own", () => {
  const layer = new Layer();
  for (let i = 0; i < 3_000; i++) layer.set("key", Buffer.from(`key ${i}`), Buffer.alloc(500, i));
  const long = Buffer.alloc(3 * 1024 * 1024, 7);
  layer.set("key", Buffer.from("long"), long);
  layer.set("lease", Buffer.from("gone"), null);
  const { rows, pieces } = received(layer);
  expect(rows).toHaveLength(3_002);
  expect(pieces).toBeGreaterThan(3);
  expect(rows.at(-2)).toBe(`key ${Buffer.from("long").toString("hex")} ${long.toString("hex")}`);
  expect(rows.at(-1)).toBe(`lease ${Buffer.from("gone").toString("hex")} null`);
});

test("a row whose place is filled in opens as the value under its key, and under no other", () => {
  const layer = new Layer();
  layer.set("meta", Buffer.from("a"), Buffer.from("value"));
  const [piece] = piecesOf(layer);
  const [row] = piece === undefined ? [] : rowsOf(piece);
  const place = row?.place ?? Buffer.alloc(0);
  seal(Buffer.from("a"), place);
  expect(openSealed(Buffer.from("a"), place)?.toString()).toBe("value");
  expect(openSealed(Buffer.from("b"), place)).toBeUndefined();
});

test("a layer without writes has no pieces", () => {
  expect(received(new Layer())).toEqual({ rows: [], pieces: 0 });
});
