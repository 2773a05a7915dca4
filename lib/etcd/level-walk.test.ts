import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes, hasPrefix, prefixEnd } from "../../server/base/bytes.ts";
import { KeyValue } from "../../server/proto/gen/kv.ts";
import {
  type KeySource,
  keyAfter,
  type LevelChild,
  WALK_SIZES,
  type WalkSizes,
  walkLevel,
} from "./level-walk.ts";

/** A sorted key space that counts the questions and forbids the dear ones. */
class FakeSource implements KeySource {
  readonly keys: readonly Buffer[];
  questions = 0;
  returned = 0;
  /** What a real etcd would step over to count. */
  counted = 0;

  constructor(keys: readonly Buffer[]) {
    this.keys = [...keys].sort(compareBytes).filter((key, at, all) => {
      const before = all[at - 1];
      return before === undefined || !before.equals(key);
    });
  }

  async page(start: Buffer, end: Buffer | undefined, limit: number) {
    this.questions++;
    const inside = this.keys.filter(
      (key) => compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0),
    );
    const records = inside.slice(0, limit).map((key) => KeyValue.fromPartial({ key }));
    this.returned += records.length;
    this.counted += inside.length;
    return { records, count: inside.length };
  }
}

interface Expected {
  readonly kind: "key" | "folder";
  readonly key: string;
  readonly count: number;
}

/** The definition, over all keys. */
function levelByDefinition(keys: readonly Buffer[], prefix: Buffer, separator: Buffer): Expected[] {
  const level: Expected[] = [];
  for (const key of keys.filter((candidate) => hasPrefix(candidate, prefix))) {
    const cut = key.indexOf(separator, prefix.length);
    if (cut < 0) {
      level.push({ kind: "key", key: key.toString("hex"), count: 1 });
      continue;
    }
    const folder = key.subarray(0, cut + separator.length).toString("hex");
    const last = level.at(-1);
    if (last?.key === folder && last.kind === "folder") {
      level[level.length - 1] = { ...last, count: last.count + 1 };
    } else level.push({ kind: "folder", key: folder, count: 1 });
  }
  return level;
}

function described(child: LevelChild): Expected {
  const count = child.kind === "folder" ? child.count : 1;
  return { kind: child.kind, key: child.key.toString("hex"), count };
}

async function walkAll(
  source: FakeSource,
  prefix: Buffer,
  separator: Buffer,
  childrenMax: number,
  isLate: () => boolean = () => false,
  sizes: WalkSizes = WALK_SIZES,
): Promise<Expected[]> {
  const found: Expected[] = [];
  let start: Buffer | undefined;
  do {
    const level = await walkLevel(source, { prefix, separator, start, childrenMax, isLate, sizes });
    found.push(...level.children.map(described));
    if (level.resume !== undefined) expect(level.children.length).toBeGreaterThan(0);
    expect(level.children.length).toBeLessThanOrEqual(childrenMax);
    start = level.resume;
  } while (start !== undefined);
  return found;
}

const text = (value: string): Buffer => Buffer.from(value, "latin1");

test("keys and folders of one name, empty segments and foreign bytes are all told apart", async () => {
  const source = new FakeSource(
    ["a", "a/", "a/x", "a//x", "/", "//", "/a", "b!", "b/1", "b0", "\xff\xfe", "\xff/1"].map(text),
  );
  expect(await walkAll(source, text(""), text("/"), 100)).toEqual(
    levelByDefinition(source.keys, text(""), text("/")),
  );
  expect(await walkAll(source, text("a/"), text("/"), 100)).toEqual([
    { kind: "key", key: text("a/").toString("hex"), count: 1 },
    { kind: "folder", key: text("a//").toString("hex"), count: 1 },
    { kind: "key", key: text("a/x").toString("hex"), count: 1 },
  ]);
});

test("every level equals its definition, for any keys, separator, page size and early end", async () => {
  const letters = fc.constantFrom("/", "a", "b", ".", "0", "\x00", "\xff");
  const key = fc
    .array(letters, { minLength: 1, maxLength: 7 })
    .map((parts) => text(parts.join("")));
  await fc.assert(
    fc.asyncProperty(
      fc.array(key, { maxLength: 60 }),
      fc.constantFrom("", "a", "a/", "/", "\xff", "/a/"),
      fc.constantFrom("/", ".", "//", "a.", "\xff"),
      fc.integer({ min: 1, max: 9 }),
      fc.boolean(),
      fc.record({
        firstPageKeys: fc.integer({ min: 1, max: 4 }),
        pageKeysMax: fc.integer({ min: 1, max: 20 }),
        seekKeys: fc.integer({ min: 1, max: 2 }),
        seekAboveKeys: fc.integer({ min: 1, max: 4 }),
        splitAboveKeys: fc.integer({ min: 0, max: 10 }),
        splitWays: fc.integer({ min: 1, max: 4 }),
      }),
      async (keys, prefix, separator, childrenMax, late, sizes) => {
        const source = new FakeSource(keys);
        const sep = text(separator);
        const found = await walkAll(source, text(prefix), sep, childrenMax, () => late, sizes);
        expect(found).toEqual(levelByDefinition(source.keys, text(prefix), sep));
      },
    ),
    { numRuns: 600 },
  );
});

function tree(folders: number, keysEach: number, name: (at: number) => string): Buffer[] {
  return Array.from({ length: folders * keysEach }, (_, at) =>
    text(`${name(Math.floor(at / keysEach))}/${at % keysEach}`),
  );
}

test("large folders are stepped over, not read", async () => {
  const source = new FakeSource(tree(6, 9_000, (at) => `app-${at}`));
  const found = await walkAll(source, text(""), text("/"), 500);
  expect(found.map(({ count }) => count)).toEqual(Array.from({ length: 6 }, () => 9_000));
  expect(source.questions).toBeLessThan(60);
  expect(source.returned).toBeLessThan(3_000);
  expect(source.counted).toBeLessThan(4 * source.keys.length);
});

test("small folders are read in few large pages", async () => {
  const source = new FakeSource(tree(400, 50, (at) => `f${String(at).padStart(5, "0")}`));
  const found = await walkAll(source, text(""), text("/"), 500);
  expect(found).toHaveLength(400);
  expect(source.questions).toBeLessThan(8);
});

test("a giant folder in front does not make the walk seek through many small keys", async () => {
  const small = Array.from({ length: 3_000 }, (_, at) => text(`k${String(at).padStart(5, "0")}`));
  const source = new FakeSource([...tree(1, 4_000, () => "a"), ...small]);
  const found = await walkAll(source, text(""), text("/"), 2_000);
  expect(found).toHaveLength(3_001);
  expect(source.questions).toBeLessThan(12);
});

test("a huge rest is cut along the folder's name, and every count stays exact", async () => {
  const source = new FakeSource([
    ...tree(1, 51_000, () => "app/c01"),
    ...tree(3, 2_000, (at) => `app/c0${at + 2}`),
    ...tree(2, 700, (at) => `b/very-long-name-that-is-shared-${at}`),
  ]);
  for (const prefix of ["", "app/", "b/"]) {
    const found = await walkAll(source, text(prefix), text("/"), 100);
    expect(found).toEqual(levelByDefinition(source.keys, text(prefix), text("/")));
  }
});

test("the key behind a key is the smallest one larger than it", () => {
  expect(keyAfter(text("a"))).toEqual(text("a\x00"));
  expect(prefixEnd(text("a\xff"))).toEqual(text("b"));
});
