import { expect, test } from "vitest";
import { ByteArena } from "./byte-arena.ts";

test("strings of an arena never overlap, and large ones hold no piece", () => {
  const arena = new ByteArena(1024);
  const lengths = [0, 1, 100, 256, 200, 257, 255, 300, 5000, 1];
  const all = lengths.map((length, i) => arena.allocate(length).fill(i));
  all.forEach((bytes, i) => {
    expect(bytes.length).toBe(lengths[i]);
    expect(bytes.every((byte) => byte === i)).toBe(true);
    if (bytes.length > 256) expect(bytes.buffer.byteLength).toBe(bytes.length);
  });
  expect((all[1] as Buffer).buffer).toBe((all[2] as Buffer).buffer);
});
