import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createCommand,
  deletePrefixCommand,
  getCommand,
  putCommand,
  shellWord,
  watchCommand,
} from "./etcdctl.ts";
import { encodeUtf8 } from "./key-text.ts";

test("bash reads every word as the bytes that it was made of", () => {
  const samples = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 30 }), {
    numRuns: 150,
    seed: 7,
  });
  const texts = ["-n", "it's", "a b", "$(id)", "`id`", "\\x", "größe", "tab\tnew\nline", "!x", "*"];
  const all = [...samples.filter((bytes) => !bytes.includes(0)), ...texts.map(encodeUtf8)];
  const script = all.map((bytes) => `printf '%s\\0' ${shellWord(bytes)}`).join("\n");
  const printed = execFileSync("bash", ["-c", script]);
  const expected = Buffer.concat(all.flatMap((bytes) => [bytes, Buffer.of(0)]));
  expect(printed.equals(expected)).toBe(true);
});

test("a zero byte fits no argument, so there is no command", () => {
  expect(shellWord(Uint8Array.of(0x61, 0))).toBeNull();
  expect(getCommand(Uint8Array.of(0))).toBeNull();
});

test("commands name what the console does", () => {
  const key = encodeUtf8("/app/a b");
  expect(getCommand(key, "7")).toBe("etcdctl get --rev=7 '/app/a b'");
  expect(putCommand(encodeUtf8("/k"), encodeUtf8("v"), true)).toBe(
    "etcdctl put --ignore-lease /k v",
  );
  expect(putCommand(encodeUtf8("/k"), new Uint8Array(0), false)).toBe("etcdctl put /k ''");
  const created = (lease: Parameters<typeof createCommand>[2]) =>
    createCommand(encodeUtf8("/k"), encodeUtf8("v"), lease);
  expect(created({ kind: "none" })).toBe("etcdctl put /k v");
  expect(created({ kind: "existing", id: "-1" })).toBe("etcdctl put --lease=ffffffffffffffff /k v");
  expect(created({ kind: "new", ttlSeconds: 60 })).toBe(
    `etcdctl put --lease="$(etcdctl lease grant 60 | cut -d' ' -f2)" /k v`,
  );
  expect(getCommand(encodeUtf8("-k"))).toBe("etcdctl get -- '-k'");
  expect(deletePrefixCommand(new Uint8Array(0))).toBe("etcdctl del --prefix ''");
  const prefix = { kind: "prefix", bytes: encodeUtf8("/a/") } as const;
  expect(watchCommand(prefix, "9")).toBe("etcdctl watch --prefix --rev=9 /a/");
  const range = { kind: "range", start: encodeUtf8("a"), end: encodeUtf8("c") } as const;
  expect(watchCommand(range)).toBe("etcdctl watch a c");
  expect(watchCommand({ ...range, end: Uint8Array.of(0) })).toBeNull();
});
