import { expect, test } from "vitest";
import { SeededRandom } from "../base/random.ts";
import { blockOf, KeyIndex, slotOf } from "./key-index.ts";
import { newState } from "./key-space.ts";
import { RevisionArena } from "./revision-arena.ts";

function add(index: KeyIndex, name: string, main: number): void {
  const key = Buffer.from(name);
  const at = index.seek(key);
  expect(index.isHit).toBe(false);
  index.insert(at, key, { ...newState(), main, createRevision: main, version: 1 });
}

test("a key that splits its block is found afterwards, whatever its place in the block", () => {
  for (const place of [0, 1, 2, 254, 255, 256, 257, 258, 510, 511, 512]) {
    const index = new KeyIndex();
    const names: string[] = [];
    for (let i = 0; i <= 512; i++) {
      if (i !== place) names.push(`k${String(i).padStart(4, "0")}`);
    }
    for (const name of names) add(index, name, 2);
    const late = `k${String(place).padStart(4, "0")}`;
    add(index, late, 3);
    const state = newState();
    for (const name of [...names, late]) {
      const at = index.seek(Buffer.from(name));
      expect(index.isHit).toBe(true);
      index.readState(at, state);
      expect(state.main).toBe(name === late ? 3 : 2);
    }
    expect(index.liveCount).toBe(513);
    expect(index.liveBetween(index.seek(Buffer.from(late)), index.end)).toBe(513 - place);
  }
});

test("a key with a single version takes about a hundred bytes of memory", () => {
  const index = new KeyIndex();
  for (let i = 0; i < 20_000; i++)
    add(index, `/registry/pods/default/${(i * 7919) % 20_011}`, i + 2);
  expect(index.sizeBytes / 20_000).toBeLessThan(130);
});

test("histories come back as they went in, from either end, and their memory is used again", () => {
  const arena = new RevisionArena();
  const histories = new Map<number, { handle: number; mains: number[] }>();
  for (let round = 0; round < 20_000; round++) {
    const key = (round * 31) % 50;
    const history = histories.get(key) ?? { handle: 0, mains: [] };
    histories.set(key, history);
    history.handle = arena.append(history.handle, round, round * 2);
    history.mains.push(round);
    if (round % 97 === 0) {
      const dropped = Math.floor(history.mains.length * 0.9);
      history.handle = arena.dropOldest(history.handle, dropped);
      history.mains.splice(0, dropped);
    }
    if (round % 1999 === 0) {
      arena.free(history.handle);
      histories.delete(key);
    }
  }
  for (const { handle, mains } of histories.values()) {
    expect(arena.count(handle)).toBe(mains.length);
    for (const [at, main] of mains.entries()) {
      expect([arena.main(handle, at), arena.tail(handle, at)]).toEqual([main, main * 2]);
      expect(arena.floor(handle, main)).toBe(at);
      expect(arena.floor(handle, main - 1)).toBe(at - 1);
    }
  }
  const sizeBytes = arena.sizeBytes;
  for (const history of histories.values()) arena.free(history.handle);
  for (const history of histories.values()) {
    let handle = 0;
    for (const main of history.mains) handle = arena.append(handle, main, 0);
  }
  expect(arena.sizeBytes).toBeLessThanOrEqual(sizeBytes * 1.1);
});

test("an index of long keys parts its blocks by short ones, and finds all of them", () => {
  const index = new KeyIndex();
  const names = Array.from({ length: 400 }, (_, i) => `${(i * 137) % 400}/${"x".repeat(100_000)}`);
  const sorted = [...names].sort();
  for (const [at, name] of names.entries()) add(index, name, at + 2);
  expect(index.blockCount).toBeGreaterThan(100);
  expect(index.borderBytes).toBeLessThan(index.blockCount * 8);
  const state = newState();
  for (const [at, name] of names.entries()) {
    const place = index.seek(Buffer.from(name));
    expect(index.isHit).toBe(true);
    index.readState(place, state);
    expect(state.main).toBe(at + 2);
    for (const near of [name.slice(0, 3), name.slice(0, -1), `${name}x`]) {
      const expected = sorted.find((each) => each >= near);
      const found = index.normalize(index.seek(Buffer.from(near)));
      const isEnd = found === index.end;
      const isFound = (isEnd ? undefined : index.keyAt(found).toString()) === expected;
      expect([near.slice(0, 6), isFound]).toEqual([near.slice(0, 6), true]);
    }
  }
});

test("keys of few letters are found in any order of coming and going", () => {
  const random = new SeededRandom(11);
  const index = new KeyIndex();
  const known = new Set<string>();
  for (let round = 0; round < 12_000; round++) {
    const length = 1 + random.below(9);
    const name = Array.from({ length }, () => "abc"[random.below(3)]).join("");
    const at = index.seek(Buffer.from(name));
    expect(index.isHit).toBe(known.has(name));
    if (!known.has(name)) {
      index.insert(at, Buffer.from(name), { ...newState(), main: round + 2, version: 1 });
      known.add(name);
    } else if (random.below(3) === 0) {
      index.removeGone(blockOf(at), [slotOf(at)]);
      known.delete(name);
    }
  }
  expect(index.blockCount).toBeGreaterThan(5);
  for (const name of known) {
    index.seek(Buffer.from(name));
    expect([name, index.isHit]).toEqual([name, true]);
  }
  expect(index.liveBetween(0, index.end)).toBe(known.size);
});
