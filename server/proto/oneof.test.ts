import { expect, test } from "vitest";
import { type FieldDescriptor, messageDescriptor } from "./descriptors.ts";
import { MESSAGES } from "./gen/descriptors.ts";
import * as rpc from "./gen/rpc.ts";

// Of the members of a oneof the last on the wire is there and no other, as in every protobuf of
// etcd's and its clients': who judges a request must not look at another member than who runs it.

const LENGTH_DELIMITED = new Set(["bytes", "message", "string"]);

interface Codec {
  decode(bytes: Uint8Array): Readonly<Record<string, unknown>>;
}

/** The field alone, with the least that can be said in it. */
const least = ({ number, kind }: FieldDescriptor) => [
  (number << 3) | (LENGTH_DELIMITED.has(kind) ? 2 : 0),
  0,
];

const withOneof = Object.keys(MESSAGES).flatMap((fullName) => {
  const { fields } = messageDescriptor(fullName);
  const members = fields.filter(
    // An optional field is a oneof of its own.
    ({ oneof }) =>
      fields.filter((other) => other.oneof === oneof && oneof !== undefined).length > 1,
  );
  return members.length === 0 ? [] : [{ name: fullName.split(".").at(-1) ?? "", members }];
});

test("every message that has a oneof is known", () => {
  const names = withOneof.map(({ name }) => name);
  expect(names.toSorted()).toEqual(["Compare", "RequestOp", "ResponseOp", "WatchRequest"]);
});

test.each(withOneof)("of two members of $name the last one is there", ({ name, members }) => {
  const codec = (rpc as unknown as Readonly<Record<string, Codec>>)[name] as Codec;
  for (const first of members) {
    for (const last of members) {
      const message = codec.decode(Buffer.from([...least(first), ...least(last)]));
      const there = members.filter(({ jsonName }) => message[jsonName] !== undefined);
      expect(there, `${first.name}, ${last.name}`).toEqual([last]);
    }
  }
});
