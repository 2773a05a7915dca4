import fc from "fast-check";
import {
  type FieldDescriptor,
  type MessageDescriptor,
  messageDescriptor,
} from "../../server/proto/descriptors.ts";
import type { HttpAsk } from "../harness/http-client.ts";

// Requests to the JSON gateway that nobody thought of: every field of a message may be there, under
// either of its names, with what belongs there or with something else.

const DEPTH_MAX = 3;
const MESSAGES: Readonly<Record<string, string>> = {
  "/v3/kv/range": "etcdserverpb.RangeRequest",
  "/v3/kv/put": "etcdserverpb.PutRequest",
  "/v3/kv/deleterange": "etcdserverpb.DeleteRangeRequest",
  "/v3/kv/txn": "etcdserverpb.TxnRequest",
  "/v3/lease/timetolive": "etcdserverpb.LeaseTimeToLiveRequest",
  "/v3/lease/revoke": "etcdserverpb.LeaseRevokeRequest",
  "/v3/cluster/member/promote": "etcdserverpb.MemberPromoteRequest",
};

/** JSON texts, so that numbers can be written as no program would write them. */
const GOOD: Readonly<Partial<Record<FieldDescriptor["kind"], readonly string[]>>> = {
  bytes: ['"YQ=="', '"Yg"', '"Yy8="', '"_w=="', '""', '"AA=="'],
  bool: ["true", "false"],
  int64: ["0", '"1"', "2", '"3"', "-1", "1e1", '"2.0"'],
  uint64: ["0", '"1"', "18446744073709551615"],
  string: ['"a"', '""', '"\\u00e9"'],
};
const ODD = ["null", "5", '"x"', "true", "[]", "{}", "1.5", '"AA="', "1e400", '" 1"', '"-1"'];

/** One in eight values is odd, so that most requests get past the decoder. */
function either(good: fc.Arbitrary<string>, odd = ODD): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 7, arbitrary: good },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
  );
}

function valueOf(field: FieldDescriptor, depth: number): fc.Arbitrary<string> {
  if (field.kind === "message") {
    return depth >= DEPTH_MAX ? fc.constant("{}") : messageOf(field.message(), depth + 1);
  }
  if (field.kind === "enum") {
    const { byName } = field.values;
    const names = [...byName.keys()].map((name) => JSON.stringify(name));
    // A number that nobody knows ends a member of etcd's.
    const odd = ODD.filter((text) => text !== "5");
    return either(fc.constantFrom(...names, ...[...byName.values()].map(String)), odd);
  }
  return either(fc.constantFrom(...(GOOD[field.kind] ?? ["0"])));
}

function fieldOf(field: FieldDescriptor, depth: number): fc.Arbitrary<string> {
  const name = fc.constantFrom(field.name, field.jsonName);
  const value = field.isRepeated
    ? either(fc.array(valueOf(field, depth), { maxLength: 2 }).map((all) => `[${all.join()}]`))
    : valueOf(field, depth);
  return fc.tuple(name, value).map(([shown, text]) => `"${shown}":${text}`);
}

function messageOf(message: MessageDescriptor, depth: number): fc.Arbitrary<string> {
  const fields = message.fields.map((field) => {
    // Without a key nothing goes on; of a oneof, two are an error.
    const weight = field.name === "key" ? 9 : field.oneof === undefined ? 3 : 2;
    return fc.oneof(
      { weight, arbitrary: fieldOf(field, depth) },
      { weight: 10 - weight, arbitrary: fc.constant("") },
    );
  });
  const unknown = fc.constantFrom("", "", "", '"unknown":{"a":[1]}');
  return fc
    .tuple(unknown, ...fields)
    .map((all) => `{${all.filter((text) => text !== "").join(",")}}`);
}

export const anyJsonRequest: fc.Arbitrary<HttpAsk> = fc.oneof(
  ...Object.entries(MESSAGES).map(([path, name]) =>
    messageOf(messageDescriptor(name), 0).map((body) => ({ path, body })),
  ),
);
