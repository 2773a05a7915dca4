// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { ToastProvider } from "@/components/ui/toast";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { encodeBase64 } from "@/lib/schema/bytes";
import { CreateKeyDialog } from "./create-key-dialog.tsx";
import { DeleteKeyDialog } from "./delete-key-dialog.tsx";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const nothing = () => undefined;
const at = (modRevision: string) => ({
  key: encodeBase64(encodeUtf8("a")),
  createRevision: "1",
  modRevision,
  version: modRevision,
  lease: "0",
  sizeBytes: 1,
  value: encodeBase64(encodeUtf8("1")),
});

function within(dialog: ReactNode) {
  return (
    <QueryClientProvider client={new QueryClient()}>
      <ToastProvider>{dialog}</ToastProvider>
    </QueryClientProvider>
  );
}

const question = (modRevision: string, onOpenChange: (open: boolean) => void = nothing) =>
  within(
    <DeleteKeyDialog
      cluster="local"
      kv={at(modRevision)}
      open
      onOpenChange={onOpenChange}
      onDeleted={nothing}
      onReload={nothing}
    />,
  );

/** What is sent from now on; nothing of it is answered. */
function sent(): string[] {
  const revisions: string[] = [];
  vi.stubGlobal("fetch", async (_: string, { headers }: { headers: Record<string, string> }) => {
    revisions.push(headers["if-match"] ?? "");
    return new Promise(nothing);
  });
  return revisions;
}

const button = (name: string) => screen.getByRole<HTMLButtonElement>("button", { name });

test("a value that came after the question is not deleted unless it is asked about", async () => {
  const revisions = sent();
  const { rerender } = render(question("5"));
  rerender(question("6"));
  screen.getByText("Changed at revision 6");
  screen.getByText(/last changed at\s+revision 5/);
  expect(button("Delete").disabled).toBe(true);
  fireEvent.click(button("Ask about this one"));
  screen.getByText(/last changed at\s+revision 6/);
  fireEvent.click(button("Delete"));
  await waitFor(() => expect(revisions).toEqual(['"6"']));
});

test("a question whose answer is being sent is not taken back", () => {
  sent();
  const onOpenChange = vi.fn();
  render(question("5", onOpenChange));
  fireEvent.click(button("Delete"));
  fireEvent.keyDown(screen.getByRole("dialog"), { key: "Escape" });
  fireEvent.click(button("Close"));
  expect(button("Cancel").disabled).toBe(true);
  expect(onOpenChange).not.toHaveBeenCalled();
});

test("a delete that fails after its page was left tells so", async () => {
  const held = Promise.withResolvers<void>();
  vi.stubGlobal("fetch", async () => {
    await held.promise;
    throw new TypeError("Failed to fetch");
  });
  const { rerender } = render(question("5"));
  fireEvent.click(button("Delete"));
  rerender(within(null));
  held.resolve();
  await screen.findByText("Not known whether it was deleted");
  screen.getByText(/^a: It may or may not have happened/);
});

test("nor is a key that is being created", () => {
  sent();
  const onClose = vi.fn();
  render(
    within(
      <CreateKeyDialog
        cluster="local"
        prefix={encodeUtf8("a")}
        onClose={onClose}
        onCreated={nothing}
        onOpenExisting={nothing}
      />,
    ),
  );
  fireEvent.click(button("Create"));
  fireEvent.keyDown(screen.getByRole("dialog"), { key: "Escape" });
  fireEvent.click(button("Close"));
  expect(button("Cancel").disabled).toBe(true);
  expect(onClose).not.toHaveBeenCalled();
});
