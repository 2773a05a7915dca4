// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, renderHook, screen } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { ToastProvider } from "@/components/ui/toast";
import { useIsPageKept } from "@/lib/browser/kept-page";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { encodeBase64 } from "@/lib/schema/bytes";
import { CreateKeyDialog } from "./create-key-dialog.tsx";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const KV = {
  key: encodeBase64(encodeUtf8("a/b")),
  createRevision: "7",
  modRevision: "7",
  version: "1",
  lease: "0",
  sizeBytes: 0,
  value: "",
};
const nothing = () => undefined;

/** What is created is answered when it is let go. */
function answering(reply: () => Response): { readonly letGo: () => void } {
  const held = Promise.withResolvers<void>();
  vi.stubGlobal("fetch", async () => {
    await held.promise;
    return reply();
  });
  return { letGo: held.resolve };
}

/** Begins to create a/b, and leaves the page before that is answered. */
function leaveWhileCreating(onOutcome: () => void): void {
  const page = (dialog: ReactNode) => (
    <QueryClientProvider client={new QueryClient()}>
      <ToastProvider>{dialog}</ToastProvider>
    </QueryClientProvider>
  );
  const { rerender } = render(
    page(
      <CreateKeyDialog
        cluster="local"
        prefix={encodeUtf8("a/b")}
        onClose={onOutcome}
        onCreated={onOutcome}
        onOpenExisting={nothing}
      />,
    ),
  );
  fireEvent.click(screen.getByRole("button", { name: "Create" }));
  rerender(page(null));
}

test("a key that is created after its page was left is told of, and nothing else", async () => {
  const { value: _, ...kv } = KV;
  const reply = answering(() => Response.json({ revision: "7", kv }));
  const onOutcome = vi.fn();
  leaveWhileCreating(onOutcome);
  reply.letGo();
  await screen.findByText("Created at revision 7");
  expect(onOutcome).not.toHaveBeenCalled();
});

test("nor does a create that fails by then go unsaid", async () => {
  const error = { code: "exists", message: "no", requestId: "", detail: { current: KV } };
  const reply = answering(() => Response.json({ error }, { status: 409 }));
  leaveWhileCreating(nothing);
  reply.letGo();
  await screen.findByText("Not created");
  screen.getByText("a/b: A key with this name exists. Nothing was changed.");
});

test("a page where a new key has been begun is kept over a sign-in", () => {
  const { result: isKept } = renderHook(() => useIsPageKept());
  const dialog = render(
    <QueryClientProvider client={new QueryClient()}>
      <ToastProvider>
        <CreateKeyDialog
          cluster="local"
          prefix={encodeUtf8("a/")}
          onClose={nothing}
          onCreated={nothing}
          onOpenExisting={nothing}
        />
      </ToastProvider>
    </QueryClientProvider>,
  );
  expect(isKept.current).toBe(false);
  fireEvent.change(screen.getByLabelText("Key"), { target: { value: "a/b" } });
  expect(isKept.current).toBe(true);
  dialog.unmount();
  expect(isKept.current).toBe(false);
});
