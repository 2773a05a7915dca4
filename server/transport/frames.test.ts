import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeMessage } from "../proto/codec.ts";
import { WireError } from "../proto/wire.ts";
import type { Entry } from "../raft/entry.ts";
import { type Message, MessageType } from "../raft/message.ts";
import { FrameInput } from "./frame-input.ts";
import type { FrameDecoder, FrameEncoder } from "./frames.ts";
import { MessageDecoder, MessageEncoder } from "./message-frames.ts";
import { MsgAppDecoder, MsgAppEncoder } from "./msgapp-frames.ts";

const ME = 2n;
const PEER = 1n;
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

function append(term: number, index: number, count: number, more: Partial<Message> = {}): Message {
  const entries: Entry[] = Array.from({ length: count }, (_, i) => ({
    type: 0,
    term,
    index: index + 1 + i,
    data: Buffer.from(`entry ${index + 1 + i}`),
  }));
  return {
    type: MessageType.APPEND,
    to: ME,
    from: PEER,
    term,
    logTerm: term,
    index,
    entries,
    commit: index,
    reject: false,
    rejectHint: 0,
    context: Buffer.alloc(0),
    ...more,
  };
}

function frame(encoder: FrameEncoder, message: Message): Buffer {
  const buffer = Buffer.alloc(encoder.sizeMax(message));
  const end = encoder.write(buffer, 0, message);
  expect(end).toBeLessThanOrEqual(buffer.length);
  return buffer.subarray(0, end);
}

function decode(make: (sink: (message: Message) => void) => FrameDecoder, chunks: Buffer[]) {
  const messages: Message[] = [];
  const decoder = make((message) => messages.push(message));
  for (const chunk of chunks) decoder.push(chunk);
  return messages;
}

/** The same bytes, cut where the lengths say. */
function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const end = at + (lengths[i % lengths.length] ?? 1);
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}

const msgapp = (sink: (message: Message) => void) => new MsgAppDecoder(ME, PEER, sink);
const plain = (sink: (message: Message) => void) => new MessageDecoder(sink);

describe("the stream of appends", () => {
  test("appends that follow each other are sent without saying where they stand", () => {
    const encoder = new MsgAppEncoder();
    const first = frame(encoder, append(3, 10, 2));
    const second = frame(encoder, append(3, 12, 1, { commit: 11 }));
    const third = frame(encoder, append(3, 13, 0, { commit: 13 }));
    const whole = encodeMessage(append(3, 10, 2));
    expect(first).toEqual(
      Buffer.concat([hex("02 00000000000000"), Buffer.from([whole.length]), whole]),
    );
    expect(second.toString("hex")).toBe(
      hex(
        "01 0000000000000001 0000000000000010 0800 1003 180d 2208 656e747279203133 000000000000000b",
      ).toString("hex"),
    );
    expect(third.toString("hex")).toBe("010000000000000000000000000000000d");
    expect(encoder.heartbeat.toString("hex")).toBe("00");
    const messages = decode(msgapp, [first, Buffer.from([0]), second, third]);
    expect(messages).toEqual([
      append(3, 10, 2),
      append(3, 12, 1, { commit: 11 }),
      append(3, 13, 0, { commit: 13 }),
    ]);
  });

  test("a gap or another term is sent whole", () => {
    const encoder = new MsgAppEncoder();
    for (const message of [append(3, 10, 2), append(3, 11, 2), append(4, 13, 1)]) {
      expect(frame(encoder, message)[0]).toBe(2);
    }
    expect(frame(encoder, append(4, 14, 1))[0]).toBe(1);
    expect(frame(encoder, append(5, 15, 1, { logTerm: 4 }))[0]).toBe(2);
  });

  test("any sequence arrives unchanged, however the bytes are cut", () => {
    const step = fc.record({
      term: fc.integer({ min: 1, max: 3 }),
      index: fc.integer({ min: 0, max: 6 }),
      count: fc.integer({ min: 0, max: 4 }),
      commit: fc.integer({ min: 0, max: 2 ** 40 }),
    });
    const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), lengths, (steps, cuts) => {
        const encoder = new MsgAppEncoder();
        const sent = steps.map(({ term, index, count, commit }) =>
          append(term, index, count, { commit }),
        );
        const bytes = Buffer.concat(sent.map((message) => frame(encoder, message)));
        expect(decode(msgapp, cut(bytes, cuts))).toEqual(sent);
      }),
      { numRuns: 200 },
    );
  });

  test.each([
    ["an unknown kind", "03"],
    ["a message of 2^60 bytes", "02 1000000000000000"],
    ["2^40 entries", "01 0000010000000000"],
    ["an entry of 2^60 bytes", "01 0000000000000001 1000000000000000"],
    ["a commit of 2^60", "01 0000000000000000 1000000000000000"],
    ["an entry that is none", "01 0000000000000001 0000000000000001 ff"],
  ])("%s ends the stream", (_name, bytes) => {
    expect(() => decode(msgapp, [hex(bytes)])).toThrow(WireError);
  });
});

describe("the stream of everything else", () => {
  test("the heartbeat has etcd's bytes and is handed to nobody", () => {
    const { heartbeat } = new MessageEncoder();
    expect(heartbeat.toString("hex")).toBe(
      "000000000000001e08081000180020002800300040004a0a12080a0228001000180050005800",
    );
    expect(decode(plain, [heartbeat])).toEqual([]);
  });

  test("any sequence arrives unchanged, however the bytes are cut", () => {
    const encoder = new MessageEncoder();
    const sent = [
      append(1, 5, 3),
      append(2, 9, 0, { type: MessageType.HEARTBEAT }),
      append(2, 9, 0, { type: MessageType.APPEND_RESPONSE, reject: true, rejectHint: 4 }),
    ];
    const bytes = Buffer.concat(
      sent.flatMap((message) => [frame(encoder, message), encoder.heartbeat]),
    );
    for (let size = 1; size < 70; size++) expect(decode(plain, cut(bytes, [size]))).toEqual(sent);
  });

  test("a frame of 2^60 bytes ends the stream", () => {
    expect(() => decode(plain, [hex("1000000000000000")])).toThrow(WireError);
  });
});

test("input is taken in order, and nothing is taken before it is all here", () => {
  const input = new FrameInput();
  input.push(Buffer.from("abc"));
  input.push(Buffer.from("defg"));
  expect(input.take(8)).toBeUndefined();
  expect(input.take(2)?.toString()).toBe("ab");
  expect(input.take(3)?.toString()).toBe("cde");
  expect(input.take(0)?.length).toBe(0);
  expect(Buffer.concat(input.drain()).toString()).toBe("fg");
  expect(input.available).toBe(0);
});
