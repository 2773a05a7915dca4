import fc from "fast-check";
import { expect, test } from "vitest";
import type { Entry } from "../raft/entry.ts";
import { BLANK_MESSAGE, type Message, MessageType } from "../raft/message.ts";
import {
  CONF_STATE_IDS_MAX,
  decodeEntry,
  decodeEnvelope,
  decodeMessage,
  ENTRIES_PER_MESSAGE_MAX,
  encodeMessage,
  entrySize,
  writeEntry,
} from "./codec.ts";
import {
  decodeConfChange,
  decodeConfState,
  encodeConfChange,
  encodeConfState,
} from "./conf-codec.ts";
import { Message as Generated } from "./gen/raft.ts";
import {
  decodeEntryContent,
  encodeInternal,
  encodeV2Put,
  InternalField,
} from "./internal-codec.ts";
import { RequestIds } from "./request-ids.ts";
import { WireError, writeUint } from "./wire.ts";

const A = 0xf68a2664a37ca89cn;
const B = 0x6b31a1daf7332273n;
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const none = Buffer.alloc(0);
test("messages have the bytes that etcd 3.5 was seen to send", () => {
  const samples: [Message, string][] = [
    [
      { ...BLANK_MESSAGE, to: 0x4c9409de41e9b9ean, from: 0x26e7c2a8832b9b65n, term: 2, commit: 8 },
      "080810eaf3a68fe4bb82ca4c18e5b6ae9988d5f0f32620022800300040084a0a12080a022800100018005000 5800",
    ],
    [
      {
        ...BLANK_MESSAGE,
        type: MessageType.READ_INDEX,
        to: A,
        from: B,
        entries: [{ type: 0, term: 0, index: 0, data: hex("2273a1f8f4c66104") }],
      },
      "080f109cd1f29bcacc89c5f60118f3c4ccb9afbbe8986b2000280030003a1008001000180022082273a1f8f4c661" +
        "0440004a0a12080a0228001000180050005800",
    ],
    [
      {
        ...BLANK_MESSAGE,
        type: MessageType.VOTE,
        to: A,
        from: B,
        term: 3,
        logTerm: 2,
        index: 5609,
        context: Buffer.from("CampaignTransfer"),
      },
      "0805109cd1f29bcacc89c5f60118f3c4ccb9afbbe8986b2003280230e92b40004a0a12080a022800100018005000" +
        "5800621043616d706169676e5472616e73666572",
    ],
    [BLANK_MESSAGE, "0808100018002000280030004000 4a0a12080a02280010001800 50005800"],
  ];
  for (const [message, bytes] of samples) {
    expect(encodeMessage(message).toString("hex")).toBe(hex(bytes).toString("hex"));
    expect(decodeMessage(hex(bytes))).toEqual(message);
  }
});

test("a message without zero fields, with unknown fields, means the same", () => {
  expect(decodeMessage(hex("0808 1005 4008 6803 f83f01 c2bb0101aa"))).toEqual({
    ...BLANK_MESSAGE,
    to: 5n,
    commit: 8,
  });
});

test("a known field of another wire type is refused, as etcd refuses it", () => {
  const messages = [
    "0d00000000", // the type in 4 bytes
    "120108", // the receiver as bytes
    "3801", // an entry as a number
    "5201 01", // the rejection as bytes
    "6001", // the context as a number
    "3a02 2001", // an entry's data as a number
    "3a03 0a0101", // its type as bytes
    "0807 4a02 0801", // a snapshot's blob as a number
    "0807 4a02 1001", // its metadata as a number
    "0807 4a04 1202 0801", // its configuration as a number
    "0807 4a07 1205 0a03 2a0101", // whether one is left by itself as bytes
  ];
  for (const message of messages) expect(() => decodeMessage(hex(message))).toThrow(WireError);
  expect(() => decodeConfChange(hex("0801 1201 00"))).toThrow(WireError);
  expect(() => decodeConfChange(hex("2001"))).toThrow(WireError);
  const entries = [
    "0a01 01 2200", // the id as bytes
    "2001", // a put as a number
    "a006 01 2200", // the header as a number
    "2200 a206 02 1001", // its user as a number
    "2200 a206 02 0a00", // its id as bytes
    "e144 0000000000000000 2200", // a user to add in 8 bytes
  ];
  for (const entry of entries) expect(() => decodeEntryContent(hex(entry))).toThrow(WireError);
});

test("types that never travel, or that a later version invented, are dropped", () => {
  for (const type of ["00", "01", "0a", "13", "17", "7f"]) {
    expect(decodeMessage(hex(`08${type}1005`))).toBeUndefined();
  }
});

test("for whom they were is known all the same", () => {
  expect(decodeEnvelope(hex("08 7f 1005 1806 3a020804 6201 07"))).toEqual({ to: 5n, from: 6n });
  expect(decodeEnvelope(Buffer.alloc(0))).toEqual({ to: 0n, from: 0n });
});

/** The same message as generated code, written from the field tables, describes it. */
function generated(message: Message, blob: Buffer): Generated {
  const { entries, snapshot, ...rest } = message;
  return {
    ...rest,
    entries: entries.map(({ type, term, index, data }) => ({
      Type: type,
      Term: term,
      Index: index,
      Data: data,
    })),
    snapshot: snapshot && {
      data: blob,
      metadata: {
        index: snapshot.index,
        term: snapshot.term,
        confState: {
          voters: [...snapshot.confState.voters],
          learners: [...snapshot.confState.learners],
          votersOutgoing: [],
          learnersNext: [],
          autoLeave: false,
        },
      },
    },
  };
}

test("every message survives encoding and decoding, and reads the same to generated code", () => {
  const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const id = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const data = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  const ids = fc
    .uniqueArray(id, { maxLength: 5 })
    .map((list) => list.sort((a, b) => (a < b ? -1 : 1)));
  const entry = fc.record({ type: fc.constantFrom(0, 1), term: number, index: number, data });
  const plain = fc.record({
    type: fc.constantFrom(...Object.values(MessageType).filter((type) => type !== 7)),
    to: id,
    from: id,
    term: number,
    logTerm: number,
    index: number,
    entries: fc.array(entry, { maxLength: 4 }),
    commit: number,
    reject: fc.boolean(),
    rejectHint: number,
    context: data,
  });
  const snapshot = fc.record({
    index: number,
    term: number,
    confState: fc.record({ voters: ids, learners: ids }),
  });
  fc.assert(
    fc.property(plain, snapshot, data, (message, metadata, blob) => {
      expect(decodeMessage(encodeMessage(message as Message))).toEqual(message);
      const snap = { ...message, type: MessageType.SNAPSHOT, snapshot: metadata } as Message;
      const bytes = encodeMessage(snap, blob);
      expect(decodeMessage(bytes)).toEqual(snap);
      expect(Generated.decode(bytes)).toEqual(generated(snap, blob));
      const lean = Buffer.from(Generated.encode(generated(snap, blob)).finish());
      expect(decodeMessage(lean)).toEqual(snap);
    }),
    { numRuns: 300 },
  );
});

test("no bytes from outside do more than throw a WireError", () => {
  const sample = encodeMessage({
    ...BLANK_MESSAGE,
    type: MessageType.SNAPSHOT,
    entries: [{ type: 0, term: 1, index: 2, data: Buffer.from("abc") }],
    snapshot: { index: 9, term: 1, confState: { voters: [1n, 2n], learners: [3n] } },
  });
  const attempt = (bytes: Buffer) => {
    try {
      decodeMessage(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(WireError);
    }
  };
  for (let cut = 0; cut < sample.length; cut++) attempt(sample.subarray(0, cut));
  for (let at = 0; at < sample.length; at++) {
    for (const bits of [0x01, 0x80, 0xff]) {
      const bent = Buffer.from(sample);
      bent[at] = (bent[at] ?? 0) ^ bits;
      attempt(bent);
    }
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (b) => attempt(Buffer.from(b))));
});

test.each([
  ["a term of 2^63", "0808 20808080808080808080 01"],
  ["a varint of eleven bytes", "0808 10ffffffffffffffffffff01"],
  ["a length beyond the message", "0808 62ffffffff0f61"],
  ["a group", "0808 fb07 fc07"],
  ["field number zero", "0808 0000"],
  ["a conf change of the second kind", "0803 3a020802"],
  ["a snapshot message without snapshot", "0807"],
  ["a joint configuration", "0807 4a0612040a02 1805"],
])("%s is refused", (_name, bytes) => {
  expect(() => decodeMessage(hex(bytes))).toThrow(WireError);
});

test.each([0x0a, 0x12])("a configuration of more members than any cluster is refused", (tag) => {
  const field = (number: number, content: Buffer) => {
    const head = Buffer.alloc(4);
    head[0] = number;
    return Buffer.concat([head.subarray(0, writeUint(head, 1, content.length)), content]);
  };
  const snapshot = (packed: Buffer) =>
    Buffer.concat([hex("0807"), field(0x4a, field(0x12, field(0x0a, packed)))]);
  const packed = (count: number) => field(tag, Buffer.alloc(count, 1));
  const unpacked = (count: number) =>
    Buffer.concat(Array.from({ length: count }, () => Buffer.from([tag - 2, 1])));
  for (const ids of [packed, unpacked]) {
    expect(decodeMessage(snapshot(ids(CONF_STATE_IDS_MAX)))?.type).toBe(MessageType.SNAPSHOT);
    const many = snapshot(ids(CONF_STATE_IDS_MAX + 1));
    expect(() => decodeMessage(many)).toThrow("too many members");
  }
});

test("more entries than any etcd sends in one message are refused", () => {
  const entries = Buffer.alloc((ENTRIES_PER_MESSAGE_MAX + 1) * 2);
  for (let at = 0; at < entries.length; at += 2) entries[at] = 0x3a;
  expect(() => decodeMessage(entries)).toThrow("too many entries");
});

test("entry data are views of the frame, written without an empty field", () => {
  const entry: Entry = { type: 0, term: 1, index: 2, data: none };
  const encode = (one: Entry) => {
    const bytes = Buffer.alloc(entrySize(one));
    expect(writeEntry(bytes, 0, one)).toBe(bytes.length);
    return bytes;
  };
  expect(encode(entry).toString("hex")).toBe("080010011802");
  const bytes = encode({ ...entry, data: Buffer.from("xyz") });
  expect(bytes.toString("hex")).toBe("080010011802220378797a");
  expect(decodeEntry(bytes).data.buffer).toBe(bytes.buffer);
});

test("conf changes have etcd's bytes", () => {
  const context = Buffer.from('{"id":1}');
  const change = { id: 0n, type: 3, nodeId: 300n, context } as const;
  expect(encodeConfChange(change).toString("hex")).toBe("0800100318ac0222087b226964223a317d");
  expect(decodeConfChange(encodeConfChange(change))).toEqual(change);
  const removal = { id: A, type: 1, nodeId: B, context: none } as const;
  expect(decodeConfChange(encodeConfChange(removal))).toEqual(removal);
  expect(() => decodeConfChange(hex("1004"))).toThrow(WireError);
});

test("the stored configuration is Go's JSON, exact beyond 2^53", () => {
  const state = { voters: [B, A], learners: [2n ** 64n - 1n] };
  const text =
    '{"voters":[7724132797739377267,17765053893797783708],' +
    '"learners":[18446744073709551615],"auto_leave":false}';
  expect(encodeConfState(state).toString()).toBe(text);
  expect(decodeConfState(Buffer.from(text))).toEqual(state);
  expect(encodeConfState({ voters: [], learners: [] }).toString()).toBe('{"auto_leave":false}');
  expect(decodeConfState(Buffer.from('{"voters": null, "learners": [ 1, 2 ]}'))).toEqual({
    voters: [],
    learners: [1n, 2n],
  });
  expect(() => decodeConfState(Buffer.from("rubbish"))).toThrow(WireError);
});

test("a proposal has the bytes that etcd puts into its log", () => {
  const put = hex("0a03666f6f1203626172");
  const id = 0x3cf6a1f8f3c3ea03n;
  expect(encodeInternal(InternalField.PUT, put, id).toString("hex")).toBe(
    "220a0a03666f6f1203626172a2060a0883d48f9e8fbfa8fb3c",
  );
  expect(encodeInternal(InternalField.PUT, put, id, "root", 7).toString("hex")).toBe(
    "220a0a03666f6f1203626172a206120883d48f9e8fbfa8fb3c1204726f6f741807",
  );
  expect(encodeInternal(InternalField.AUTH_USER_ADD, put, 5n).toString("hex")).toBe(
    "a206020805e2440a0a03666f6f1203626172",
  );
});

test("applying learns which request an entry holds, and its header", () => {
  for (const field of Object.values(InternalField)) {
    const request = Buffer.from([field & 0xff, 1, 2]);
    expect(decodeEntryContent(encodeInternal(field, request, A, "u", 9))).toEqual({
      kind: "request",
      field,
      request,
      header: { id: A, username: "u", authRevision: 9 },
    });
  }
  expect(decodeEntryContent(none)).toEqual({ kind: "empty" });
  expect(decodeEntryContent(hex("082a 2200"))).toMatchObject({ field: 4, header: { id: 42n } });
  expect(() => decodeEntryContent(hex("a206020805"))).toThrow(WireError);
  expect(() => decodeEntryContent(hex("22ff01"))).toThrow(WireError);
});

test("v2 requests are told apart, bare and wrapped", () => {
  const bytes = encodeV2Put(A, "/0/version", "3.5.0");
  expect(bytes.toString("hex")).toBe(
    "089cd1f29bcacc89c5f6011203505554 1a0a2f302f76657273696f6e 2205332e352e30".replaceAll(" ", "") +
      "2800320038004800500058006000680070007800800100",
  );
  const request = { ID: A, Method: "PUT", Path: "/0/version", Val: "3.5.0" };
  expect(decodeEntryContent(bytes)).toMatchObject({ kind: "v2", request });
  const wrapped = Buffer.concat([Buffer.from([0x12, bytes.length]), bytes]);
  expect(decodeEntryContent(wrapped)).toMatchObject({ kind: "v2", request });
  const sync = hex("0801 120453594e43 1a00 2200 7807");
  expect(decodeEntryContent(sync)).toMatchObject({ kind: "v2", request: { Method: "SYNC" } });
});

test("request ids carry the member and grow over restarts", () => {
  const start = 1_790_000_000_000;
  const first = new RequestIds(A, start);
  const [one, two] = [first.next(), first.next()];
  expect(one >> 48n).toBe(A & 0xffffn);
  expect(one & 0xffff_ffff_ffffn).toBe(((BigInt(start) & (2n ** 40n - 1n)) << 8n) + 1n);
  expect(two - one).toBe(1n);
  expect(new RequestIds(A, start + 1000).next()).toBeGreaterThan(two);
});
