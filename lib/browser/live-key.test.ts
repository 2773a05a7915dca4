// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, renderHook } from "@testing-library/react";
import { createElement, type ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { encodeBase64 } from "../schema/bytes.ts";
import { AWAY_AFTER_MS } from "./away.ts";
import { encodeUtf8 } from "./key-text.ts";
import { REFUSED_RETRY_MS, REWIND_PAUSE_MS, useLiveKey } from "./live-key.ts";
import { clearSessionEnd } from "./session-end.ts";

const KEY = encodeUtf8("/a");

function keyValue(value: string, modRevision: string) {
  return {
    key: encodeBase64(KEY),
    createRevision: "1",
    modRevision,
    version: "1",
    lease: "0",
    sizeBytes: value.length,
    value: encodeBase64(encodeUtf8(value)),
  };
}

/** A console with one key. */
class FakeConsole {
  /** Of the next streams; undefined lets them open. */
  refusal: { readonly status: number; readonly code: string } | undefined;
  revision = "5";
  /** Keys cannot be read. */
  isMute = false;
  raftTerm = "4";
  /** The first revision that each stream was asked for. */
  readonly asked: (string | null)[] = [];
  /** The term that each stream was said to go on in. */
  readonly askedTerms: (string | null)[] = [];
  openStreams = 0;
  #newest: ReadableStreamDefaultController<Uint8Array> | undefined;

  readonly fetch = async (path: string, { signal, headers }: RequestInit): Promise<Response> => {
    if (!path.includes("/watch")) {
      if (this.isMute)
        return Response.json({ error: { code: "forbidden", message: "no" } }, { status: 403 });
      const { revision } = this;
      return Response.json({ revision, onlyMember: null, kv: keyValue("one", revision) });
    }
    const { searchParams } = new URL(path, "http://console");
    this.asked.push(searchParams.get("revision"));
    this.askedTerms.push(searchParams.get("raftTerm"));
    const lastId = new Headers(headers).get("last-event-id");
    if (this.refusal !== undefined) {
      const { status, code } = this.refusal;
      return Response.json({ error: { code, message: "no" } }, { status });
    }
    const body = new ReadableStream<Uint8Array>({
      start: (control) => {
        this.#newest = control;
        this.openStreams += 1;
        signal?.addEventListener("abort", () => {
          this.openStreams -= 1;
          control.error(signal.reason);
        });
      },
    });
    this.open(lastId === null ? (this.asked.at(-1) ?? "1") : String(Number(lastId) + 1));
    return new Response(body);
  };

  /** Begins the stream at `from`, of a cluster as it stands. */
  open(from: string): void {
    const { revision, raftTerm } = this;
    this.send("open", { from, revision, clusterId: "8", raftTerm }, String(Number(from) - 1));
  }

  send(event: string, data: unknown, id?: string): void {
    const place = id === undefined ? "" : `id: ${id}\n`;
    const text = `event: ${event}\n${place}data: ${JSON.stringify(data)}\n\n`;
    this.#newest?.enqueue(encodeUtf8(text));
  }

  /** The way to the console breaks, and is tried again after a moment. */
  cut(): void {
    this.#newest?.close();
    this.openStreams -= 1;
  }

  change(revision: string): void {
    this.revision = revision;
    const events = [
      { type: "put", key: encodeBase64(KEY), kv: keyValue("new", revision), previous: null },
    ];
    this.send("change", { revision, receivedAt: "", part: 0, isLast: true, events }, revision);
  }
}

let server = new FakeConsole();

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeConsole();
  vi.stubGlobal("fetch", server.fetch);
});
afterEach(() => {
  cleanup();
  clearSessionEnd();
  Reflect.deleteProperty(document, "hidden");
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Lets time pass, and what became due happen. */
function pass(ms: number): Promise<void> {
  return act(async () => {
    await vi.advanceTimersByTimeAsync(ms);
  });
}

/** Lets minutes pass in which the stream is never silent for long. */
async function stayed(minutes: number): Promise<void> {
  for (let beat = 0; beat < 4 * minutes; beat++) {
    server.send("progress", {});
    await pass(15_000);
  }
}

function hide(isHidden: boolean): void {
  Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
  act(() => void document.dispatchEvent(new Event("visibilitychange")));
}

/** The key while it is open on a page. */
async function opened() {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const wrapper = ({ children }: { children: ReactNode }) =>
    createElement(QueryClientProvider, { client }, children);
  const open = () => renderHook(() => useLiveKey("local", KEY, undefined), { wrapper });
  const { result, unmount } = open();
  await pass(100);
  return {
    close: unmount,
    openAgain: open,
    live: () => result.current.live,
    revision: () => result.current.data?.revision,
    refetch: () => act(async () => void (await result.current.refetch())),
  };
}

test("a key follows the cluster", async () => {
  const key = await opened();
  expect(key.live()).toBe("live");
  server.change("7");
  await pass(100);
  expect(key.revision()).toBe("7");
});

test("a stream that was refused for want of a session is reopened when that is back", async () => {
  server.refusal = { status: 401, code: "unauthenticated" };
  const key = await opened();
  expect(key.live()).toBe("refused");
  await pass(2 * REFUSED_RETRY_MS);
  expect(server.asked).toHaveLength(1);
  server.refusal = undefined;
  act(clearSessionEnd);
  await pass(100);
  expect(key.live()).toBe("live");
  server.change("7");
  await pass(100);
  expect(key.revision()).toBe("7");
});

test("a stream that was refused for another reason is asked for again after a while", async () => {
  server.refusal = { status: 403, code: "forbidden" };
  const key = await opened();
  expect(key.live()).toBe("refused");
  await pass(REFUSED_RETRY_MS - 1_000);
  expect(server.asked).toHaveLength(1);
  server.refusal = undefined;
  await pass(1_000);
  expect(key.live()).toBe("live");
});

test("reading the key again reopens a refused stream, and no other", async () => {
  server.refusal = { status: 403, code: "forbidden" };
  const key = await opened();
  server.refusal = undefined;
  await key.refetch();
  await pass(100);
  expect(key.live()).toBe("live");
  await key.refetch();
  await pass(100);
  expect(server.asked).toHaveLength(2);
});

test("a tab that nobody sees lets its stream go and later goes on behind what it knows", async () => {
  const key = await opened();
  server.change("7");
  await pass(100);
  hide(true);
  await pass(AWAY_AFTER_MS);
  expect(server.openStreams).toBe(0);
  expect(key.live()).toBe("connecting");
  hide(false);
  await pass(100);
  expect(server.openStreams).toBe(1);
  expect(server.asked).toEqual(["6", "8"]);
  expect(key.live()).toBe("live");
});

test("a tab that is hidden for a moment keeps its stream", async () => {
  const key = await opened();
  hide(true);
  await pass(AWAY_AFTER_MS - 1_000);
  hide(false);
  await pass(AWAY_AFTER_MS);
  expect(server.asked).toHaveLength(1);
  expect(key.live()).toBe("live");
});

test("a tab that is opened behind others lets its stream go too", async () => {
  hide(true);
  await opened();
  await pass(AWAY_AFTER_MS);
  expect(server.asked).toHaveLength(1);
  expect(server.openStreams).toBe(0);
});

test("of a cluster that went back to an earlier revision the key is read and followed anew", async () => {
  const key = await opened();
  server.change("50");
  await pass(100);
  server.cut();
  server.revision = "3";
  await pass(1_000);
  expect(key.revision()).toBe("3");
  expect(key.live()).toBe("live");
  // The stream that was resumed is asked for in the words of the first, behind the last id.
  expect(server.asked).toEqual(["6", "6", "4"]);
  server.change("4");
  await pass(100);
  expect(key.revision()).toBe("4");
});

test("a stream that the console has begun anew for that is followed from what is read", async () => {
  const key = await opened();
  server.change("50");
  await pass(100);
  server.revision = "7";
  server.open("8");
  await pass(100);
  expect(key.revision()).toBe("7");
  expect(server.asked).toEqual(["6", "8"]);
  expect(server.openStreams).toBe(1);
});

test("behind a gap the key is read, and followed from there", async () => {
  const key = await opened();
  server.revision = "9";
  server.send("reset", { from: "6", compactRevision: "8" }, "8");
  await pass(100);
  expect(key.revision()).toBe("9");
  expect(key.live()).toBe("live");
  expect(server.asked).toEqual(["6", "10"]);
});

test("a key that is read as it was known is followed at once", async () => {
  const key = await opened();
  server.send("reset", { from: "6", compactRevision: "8" }, "8");
  await pass(100);
  expect(key.live()).toBe("live");
  expect(server.asked).toEqual(["6", "6"]);
});

test("a key that is gone back with again and again is followed anew only after a pause", async () => {
  const key = await opened();
  const gap = () => server.send("reset", { from: "6", compactRevision: "8" }, "8");
  gap();
  await pass(100);
  expect(server.asked).toHaveLength(2);
  gap();
  await pass(REWIND_PAUSE_MS - 1);
  expect(server.asked).toHaveLength(2);
  expect(key.live()).toBe("connecting");
  await pass(100);
  expect(server.asked).toHaveLength(3);
  expect(key.live()).toBe("live");
  gap();
  await pass(100);
  key.close();
  await pass(REWIND_PAUSE_MS);
  expect(server.asked).toHaveLength(3);
  key.openAgain();
  await pass(100);
  gap();
  await pass(100);
  expect(server.asked).toHaveLength(5);
});

test("while the key cannot be read behind a gap it is not live, and the gap is met again", async () => {
  const key = await opened();
  server.isMute = true;
  server.revision = "9";
  server.send("reset", { from: "6", compactRevision: "8" }, "8");
  await pass(100);
  expect(key.live()).toBe("broken");
  expect(server.openStreams).toBe(0);
  await pass(REFUSED_RETRY_MS);
  // The history is still that of what is shown.
  expect(server.asked).toEqual(["6", "6"]);
  expect(server.askedTerms).toEqual([null, "4"]);
});

test("each stream but the first names the history that the last one told", async () => {
  await opened();
  server.change("7");
  await pass(100);
  server.raftTerm = "6";
  server.cut();
  await pass(1_000);
  hide(true);
  await pass(AWAY_AFTER_MS);
  hide(false);
  await pass(100);
  expect(server.asked).toEqual(["6", "6", "8"]);
  expect(server.askedTerms).toEqual([null, "4", "6"]);
});

test("the history that a stream told is known for as long as the key is open", async () => {
  await opened();
  await stayed(6);
  server.cut();
  await pass(1_000);
  expect(server.askedTerms).toEqual([null, "4"]);
});

test("a key that is opened again before it is forgotten is still of its history", async () => {
  const key = await opened();
  key.close();
  await pass(10_000);
  key.openAgain();
  await pass(100);
  expect(server.asked).toEqual(["6", "6"]);
  expect(server.askedTerms).toEqual([null, "4"]);
});

test("a key that was read anew is of no history until its stream tells it", async () => {
  await opened();
  server.change("50");
  await pass(100);
  server.revision = "7";
  server.open("8");
  await pass(100);
  expect(server.askedTerms).toEqual([null, null]);
});

test("while the key cannot be read after that it is not live, and tried again after a while", async () => {
  const key = await opened();
  server.revision = "3";
  server.isMute = true;
  server.open("6");
  await pass(100);
  expect(key.live()).toBe("broken");
  expect(server.asked).toEqual(["6"]);
  server.isMute = false;
  await pass(REFUSED_RETRY_MS);
  expect(key.revision()).toBe("3");
  expect(key.live()).toBe("live");
});
