import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { User } from "./gen/auth.ts";
import { AuthUserListResponse } from "./gen/rpc.ts";
import { decodeEntryContent, encodeInternal, InternalField } from "./internal-codec.ts";

// Strings on the wire are bytes; base/text.ts says which of ours stand for them.

const NAMES = ["p\udce4", "p\udce5", "p\ufffd", "\ud83d\ude00"];
const WIRE = Buffer.from("120270e4120270e5120470efbfbd1204f09f9880", "hex");

test("generated code keeps what is no UTF-8", () => {
  expect(AuthUserListResponse.decode(WIRE)).toEqual({ header: undefined, users: NAMES });
  const encoded = AuthUserListResponse.encode({ header: undefined, users: NAMES }).finish();
  expect(Buffer.from(encoded)).toEqual(WIRE);
  const roles = Buffer.from("1a0270e41a0270e5", "hex");
  expect(User.decode(roles).roles).toEqual(NAMES.slice(0, 2));
});

test("no generated code of etcd's messages reads or writes strings in another way", () => {
  const generated = join(import.meta.dirname, "gen");
  for (const name of readdirSync(generated)) {
    if (name === "health.ts") continue;
    const text = readFileSync(join(generated, name), "utf8");
    expect(text.match(/\.string\(.*/g), name).toBeNull();
  }
});

test("who proposed an entry is kept byte by byte", () => {
  const data = encodeInternal(InternalField.AUTH_ENABLE, Buffer.alloc(0), 7n, "p\udce4", 3);
  expect(data.includes(Buffer.from("120270e4", "hex"))).toBe(true);
  expect(decodeEntryContent(data)).toMatchObject({ header: { username: "p\udce4" } });
});
