import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openStream, StreamParser, type StreamState } from "./event-stream.ts";

const wire =
  ": heartbeat\n\nevent: open\ndata: {}\n\nid: 7\r\nevent: change\r\ndata: a\r\ndata: b\r\n\r\ndata:x\n\n";
const messages = [
  { event: "open", data: "{}", id: undefined },
  { event: "change", data: "a\nb", id: "7" },
  { event: "message", data: "x", id: undefined },
];

test("messages are the same however the network cuts them", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(wire.length), { maxLength: 20 }), (cuts) => {
      const parser = new StreamParser();
      const edges = [0, ...cuts.toSorted((a, b) => a - b), wire.length];
      const found = edges.slice(1).flatMap((end, at) => parser.push(wire.slice(edges[at], end)));
      expect(found).toEqual(messages);
    }),
  );
});

test("a message is delivered only when its blank line has come", () => {
  const parser = new StreamParser();
  expect(parser.push("event: change\ndata: a\n")).toEqual([]);
  expect(parser.push("\n")).toEqual([{ event: "change", data: "a", id: undefined }]);
});

describe("a stream that ends", () => {
  const encoder = new TextEncoder();
  let pieces: string[];
  let connections: number;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(Math, "random").mockReturnValue(1);
    connections = 0;
    vi.stubGlobal("fetch", async () => {
      connections += 1;
      const body = new ReadableStream<Uint8Array>({
        start(control) {
          for (const piece of pieces) control.enqueue(encoder.encode(piece));
          control.close();
        },
      });
      return new Response(body);
    });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });

  /** How long it waits before each of the next tries, in ms. */
  async function delays(count: number, messages: () => void = () => undefined) {
    const waits: number[] = [];
    const state = (now: StreamState) => {
      if (now.phase === "waiting") waits.push(now.retryInMs);
    };
    const stream = openStream({ path: "/watch", query: () => ({}) }, { messages, state });
    while (waits.length < count) await vi.advanceTimersByTimeAsync(500);
    stream.close();
    return waits;
  }

  const open = "event: open\ndata: {}\n\n";
  const failure = "event: failure\ndata: {}\n\n";

  test("after messages is tried again soon", async () => {
    pieces = [open];
    expect(await delays(3)).toEqual([500, 500, 500]);
  });

  test("with a failure is tried ever later, though it was opened before it", async () => {
    pieces = [open, failure];
    expect(await delays(5)).toEqual([2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  test("for a message that cannot be read is tried ever later", async () => {
    pieces = [open];
    const refuse = () => {
      throw new TypeError("The stream's message is malformed.");
    };
    expect(await delays(4, refuse)).toEqual([500, 1_000, 2_000, 4_000]);
    expect(connections).toBe(4);
  });
});
