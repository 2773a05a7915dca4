// @vitest-environment node
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as z from "zod";
import { RequestError, type RequestOptions, request, send } from "./request.ts";
import { isOutcomeUnknown } from "./write-failure.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A connection that stays open without a word, as to a console that has been stopped. */
function hang(reply?: (signal: AbortSignal) => Response): void {
  vi.stubGlobal("fetch", async (_: string, { signal }: { signal: AbortSignal }) => {
    if (reply !== undefined) return reply(signal);
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  });
}

/** A reply that has begun, and goes on when it is asked to. */
function begun(signal: AbortSignal): Response {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  signal.addEventListener("abort", () => void writable.abort(signal.reason));
  return new Response(readable);
}

async function failureAfter(ms: number, options: RequestOptions): Promise<unknown> {
  const failure = request(z.unknown(), "/api", options).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(ms);
  return Promise.race([failure, Promise.resolve("still asking")]);
}

test.each([
  ["GET", 20_000],
  ["PUT", 30_000],
  ["DELETE", 30_000],
] as const)("a console that hangs is offline to a %s after %i ms", async (method, ms) => {
  hang();
  expect(await failureAfter(ms - 1, { method })).toBe("still asking");
  const error = await failureAfter(ms, { method });
  expect(error).toMatchObject({ code: "offline", message: "The console does not answer." });
  expect(isOutcomeUnknown(error)).toBe(true);
});

test("a question may have a limit of its own", async () => {
  hang();
  expect(await failureAfter(50, { limitMs: 50 })).toBeInstanceOf(RequestError);
  expect(await failureAfter(80_000, { limitMs: 90_000 })).toBe("still asking");
});

test("a console that hangs within its reply is offline, too", async () => {
  hang(begun);
  expect(await failureAfter(20_000, {})).toMatchObject({ code: "offline" });
});

test("a reply that is slow but keeps coming is waited for", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  hang(() => new Response(readable));
  const answer = request(z.unknown(), "/api");
  for (const part of ['{"a":', '"', "b", '"', "}"]) {
    await vi.advanceTimersByTimeAsync(9_000);
    void writer.write(new TextEncoder().encode(part));
  }
  void writer.close();
  expect(await answer).toEqual({ a: "b" });
});

test("a long body has time to be sent over a slow link", async () => {
  hang();
  const body = "x".repeat(2 * 1024 * 1024);
  expect(await failureAfter(30_000 + 63_999, { method: "PUT", body })).toBe("still asking");
  expect(await failureAfter(30_000 + 64_000, { method: "PUT", body })).toMatchObject({
    code: "offline",
  });
});

test("a stream that has begun has no limit", async () => {
  let signal: AbortSignal | undefined;
  hang((given) => {
    signal = given;
    return begun(given);
  });
  await send("/api");
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(signal?.aborted).toBe(false);
});

test("what its asker gives up is no failure of the console", async () => {
  hang();
  const control = new AbortController();
  const failure = request(z.unknown(), "/api", { signal: control.signal }).catch(
    (error: unknown) => error,
  );
  control.abort();
  expect(await failure).toMatchObject({ name: "AbortError" });
});
