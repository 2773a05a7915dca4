// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, renderHook, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ToastProvider } from "@/components/ui/toast";
import { useIsPageKept } from "@/lib/browser/kept-page";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { encodeBase64 } from "@/lib/schema/bytes";
import { DeletePrefixDialog } from "./delete-prefix-dialog.tsx";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const preview = (revision: string) => ({
  revision,
  count: 1,
  sample: [
    {
      key: encodeBase64(encodeUtf8("a/b")),
      createRevision: "1",
      modRevision: revision,
      version: "1",
      lease: "0",
      sizeBytes: 1,
    },
  ],
  start: encodeBase64(encodeUtf8("a/")),
  end: encodeBase64(encodeUtf8("a0")),
});
const modified = () =>
  Response.json(
    { error: { code: "modified", message: "the keys have changed", requestId: "1" } },
    { status: 412 },
  );

/** @returns what leaves the page with the dialog */
function show(): () => void {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const page = (prefix: Uint8Array | null) => (
    <QueryClientProvider client={client}>
      <ToastProvider>
        <DeletePrefixDialog
          cluster="local"
          separator={encodeUtf8("/")}
          prefix={prefix}
          onClose={() => undefined}
          onDeleted={() => undefined}
        />
      </ToastProvider>
    </QueryClientProvider>
  );
  const { rerender } = render(page(encodeUtf8("a/")));
  return () => rerender(page(null));
}

/** A delete that tells of its steps as it is made to. */
function running() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  let given: AbortSignal | undefined;
  vi.stubGlobal("fetch", async (_: string, init: { method: string; signal: AbortSignal }) => {
    if (init.method === "GET") return Response.json({ ...preview("5"), count: 1 });
    given = init.signal;
    init.signal.addEventListener("abort", () => void writer.abort(init.signal.reason));
    return new Response(readable);
  });
  const encoder = new TextEncoder();
  return {
    tell: (step: object) => writer.write(encoder.encode(`${JSON.stringify(step)}\n`)),
    isStopped: () => given?.aborted === true,
  };
}

const isLeavingAsked = () => !window.dispatchEvent(new Event("beforeunload", { cancelable: true }));
const DONE = { type: "done", deleted: 1, alreadyGone: 0, revision: "6" };

async function confirm(): Promise<void> {
  fireEvent.change(await screen.findByLabelText(/to confirm/), { target: { value: "a/" } });
  fireEvent.click(screen.getByRole("button", { name: "Delete 1 key" }));
}

test("a refused preview is gone while the keys are counted again", async () => {
  const recount = Promise.withResolvers<Response>();
  const previews = [Response.json(preview("5")), recount.promise];
  const asked: unknown[] = [];
  vi.stubGlobal("fetch", async (_: string, { method, body }: { method: string; body: string }) => {
    if (method === "GET") return previews.shift();
    asked.push(JSON.parse(body));
    return modified();
  });
  show();
  await confirm();
  await screen.findByText("Counting");
  expect(screen.getByRole("alert").textContent).toContain("Nothing was deleted; look again.");
  expect(screen.queryByText(/counted at revision/)).toBeNull();
  expect(screen.queryByLabelText(/to confirm/)).toBeNull();
  recount.resolve(Response.json(preview("9")));
  await screen.findByText(/counted at revision 9/);
  await confirm();
  await waitFor(() => expect(asked).toHaveLength(2));
  expect(asked).toMatchObject([{ revision: "5" }, { revision: "9" }]);
});

test("a count that fails leaves no preview to confirm", async () => {
  const previews = [
    Response.json(preview("5")),
    Response.json(
      { error: { code: "unavailable", message: "no member answers", requestId: "1" } },
      { status: 503 },
    ),
  ];
  vi.stubGlobal("fetch", async (_: string, { method }: { method: string }) =>
    method === "GET" ? previews.shift() : modified(),
  );
  show();
  await confirm();
  await screen.findByText("No member answers");
  expect(screen.queryByLabelText(/to confirm/)).toBeNull();
  expect(screen.getByRole("button", { name: "Delete" }).hasAttribute("disabled")).toBe(true);
});

test("a delete that runs can be stopped, and what is gone by then is told", async () => {
  const run = running();
  show();
  await confirm();
  const stop = await screen.findByRole("button", { name: "Stop" });
  void run.tell({ type: "progress", deleted: 1, total: 1 });
  await screen.findByText("1 of 1 key deleted");
  fireEvent.click(stop);
  await screen.findByText("Stopped");
  expect(run.isStopped()).toBe(true);
  expect(screen.getByRole("status").textContent).toContain("At least 1 of 1 key are gone");
});

test("while a delete runs, the tab is not left unasked, nor for a sign-in", async () => {
  const run = running();
  const { result: isKept } = renderHook(() => useIsPageKept());
  show();
  await confirm();
  await screen.findByRole("button", { name: "Stop" });
  expect(isLeavingAsked()).toBe(true);
  expect(isKept.current).toBe(true);
  void run.tell(DONE);
  await screen.findByText("1 key deleted");
  expect(isLeavingAsked()).toBe(false);
  expect(isKept.current).toBe(false);
});

test("a delete that ends after its page was left tells so", async () => {
  const run = running();
  const leave = show();
  await confirm();
  await screen.findByRole("button", { name: "Stop" });
  leave();
  void run.tell(DONE);
  await screen.findByText("1 key deleted");
  screen.getByText("a/: Done at revision 6.");
});
