import { expect, test, vi } from "vitest";
import { deletePrefix } from "./delete-prefix.ts";
import { encodeUtf8 } from "./key-text.ts";
import { saveKey } from "./keys.ts";
import { isOutcomeUnknown, writeFailure } from "./write-failure.ts";

/** What a save throws, given what becomes of its request. */
async function failed(fetched: () => Response | Promise<Response>): Promise<unknown> {
  vi.stubGlobal("fetch", async () => fetched());
  try {
    return await saveKey("local", encodeUtf8("a"), encodeUtf8("1"), "5").then(
      () => expect.unreachable("it must fail"),
      (error: unknown) => error,
    );
  } finally {
    vi.unstubAllGlobals();
  }
}

function refusal(status: number, error: Record<string, unknown>) {
  return failed(() => Response.json({ error }, { status }));
}

test("without an answer that tells, nobody knows whether it was written", async () => {
  const unknown = [
    await failed(() => Promise.reject(new TypeError("Failed to fetch"))),
    await failed(() => new Response("Bad Gateway", { status: 502 })),
    await failed(() => new Response('{"revi', { status: 200 })),
    await refusal(504, { code: "timeout", message: "no answer", mayHaveHappened: true }),
    await refusal(503, { code: "unavailable", message: "stopped", mayHaveHappened: true }),
  ];
  expect(unknown.map(isOutcomeUnknown)).toEqual(unknown.map(() => true));
  expect(writeFailure(unknown[0])).toEqual({
    isUnknown: true,
    text: "It may or may not have happened: look at the key before you try again. The console does not answer.",
  });
});

test("a refusal is one, and stays in its own words", async () => {
  const known = [
    await refusal(504, { code: "timeout", message: "m1 does not answer" }),
    await refusal(503, { code: "no-leader", message: "etcdserver: no leader" }),
    await refusal(403, { code: "etcd-permission-denied", message: "permission denied" }),
    await failed(() => new Response("Request Entity Too Large", { status: 413 })),
  ];
  expect(known.map(isOutcomeUnknown)).toEqual(known.map(() => false));
  expect(writeFailure(known[0])).toEqual({ isUnknown: false, text: "M1 does not answer" });
});

test("a connection that breaks during a delete says how far it was known to be", async () => {
  const progress = `${JSON.stringify({ type: "progress", deleted: 4, total: 9 })}\n`;
  let pulls = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (pulls++ === 0) controller.enqueue(new TextEncoder().encode(progress));
      else controller.error(new TypeError("network error"));
    },
  });
  vi.stubGlobal("fetch", async () => new Response(body));
  const preview = { revision: "5", count: 9 };
  const run = { onProgress: () => undefined, signal: new AbortController().signal };
  const error = await deletePrefix("local", encodeUtf8("a/"), preview, run).catch(
    (caught: unknown) => caught,
  );
  vi.unstubAllGlobals();
  expect(error).toMatchObject({ message: "The connection ended after 4 of 9 keys." });
  expect(isOutcomeUnknown(error)).toBe(true);
});
