import { expect, test, vi } from "vitest";
import { shutDown } from "./shutdown.ts";
import { formatMessage, type SseMessage, type SseOptions, sseReply } from "./sse.ts";

function options(over: Partial<SseOptions> & Pick<SseOptions, "messages">): SseOptions {
  return {
    requestId: "r",
    cancelled: () => undefined,
    failure: () => ({ event: "failure", data: { error: "broken" } }),
    isAllowed: async () => true,
    farewell: { event: "failure", data: { error: "ended" } },
    ...over,
  };
}

async function* numbered(count: number, taken: number[] = []): AsyncGenerator<SseMessage> {
  for (let at = 1; at <= count; at++) {
    taken.push(at);
    yield { event: "change", data: { at }, id: String(at) };
  }
}

test("all messages arrive in order, whole, with their ids", async () => {
  const text = await sseReply(options({ messages: numbered(3) })).text();
  expect(text).toBe(
    [1, 2, 3].map((at) => `id: ${at}\nevent: change\ndata: {"at":${at}}\n\n`).join(""),
  );
});

test("no content of a key can forge a field of the stream", () => {
  const data = { key: "a\n\nevent: failure\ndata: {}\r\n\u2028" };
  const text = formatMessage({ event: "change", data, id: "1" });
  expect(text.split("\n").filter((line) => line.startsWith("event:"))).toEqual(["event: change"]);
  expect(text.endsWith("}\n\n")).toBe(true);
});

test("a reader that takes nothing holds the source back", async () => {
  const taken: number[] = [];
  const big = async function* (): AsyncGenerator<SseMessage> {
    for (let at = 0; at < 1_000; at++) {
      taken.push(at);
      yield { event: "change", data: "x".repeat(40_000) };
    }
  };
  const reply = sseReply(options({ messages: big() }));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(taken.length).toBeLessThan(10);
  await reply.body?.cancel();
});

test("an error of the source is the last message", async () => {
  const failing = async function* (): AsyncGenerator<SseMessage> {
    yield { event: "open", data: {} };
    throw new Error("secret detail");
  };
  const text = await sseReply(options({ messages: failing() })).text();
  expect(text).toBe('event: open\ndata: {}\n\nevent: failure\ndata: {"error":"broken"}\n\n');
});

test("the source is ended exactly once when the reader goes", async () => {
  const cancelled = vi.fn();
  let isClosed = false;
  const endless = async function* (): AsyncGenerator<SseMessage> {
    try {
      for (let at = 0; ; at++) yield { event: "change", data: at };
    } finally {
      isClosed = true;
    }
  };
  const reader = sseReply(options({ messages: endless(), cancelled })).body?.getReader();
  await reader?.read();
  await reader?.cancel();
  await expect.poll(() => isClosed).toBe(true);
  expect(cancelled).toHaveBeenCalledOnce();
});

test("the signal to stop ends every stream, so that the process can end", async () => {
  const silent = async function* (): AsyncGenerator<SseMessage> {
    yield { event: "open", data: {} };
    await new Promise(() => undefined);
  };
  const cancelled = vi.fn();
  const texts = [1, 2].map(() => sseReply(options({ messages: silent(), cancelled })).text());
  shutDown();
  for (const text of await Promise.all(texts)) expect(text).not.toContain("failure");
  expect(cancelled).toHaveBeenCalledTimes(2);
});

test("a session that ends takes the stream with it within five seconds", async () => {
  vi.useFakeTimers();
  try {
    const silent = async function* (): AsyncGenerator<SseMessage> {
      yield { event: "open", data: {} };
      await new Promise(() => undefined);
    };
    const cancelled = vi.fn();
    const isAllowed = async () => false;
    const reply = sseReply(options({ messages: silent(), cancelled, isAllowed }));
    const text = reply.text();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await text).toContain('data: {"error":"ended"}');
    expect(cancelled).toHaveBeenCalledOnce();
  } finally {
    vi.useRealTimers();
  }
});
