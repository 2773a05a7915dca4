// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { ToastProvider } from "@/components/ui/toast";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { encodeBase64 } from "@/lib/schema/bytes";
import type { KeyValue } from "@/lib/schema/keys";
import { ConflictDialog } from "./conflict-dialog.tsx";
import { CreateKeyDialog } from "./create-key-dialog.tsx";
import { DeleteKeyDialog } from "./delete-key-dialog.tsx";
import { DeletePrefixDialog } from "./delete-prefix-dialog.tsx";
import { SaveDialog } from "./save-dialog.tsx";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const key = encodeUtf8("a/b");
const nothing = () => undefined;
const kv: KeyValue = {
  key: encodeBase64(key),
  createRevision: "1",
  modRevision: "5",
  version: "1",
  lease: "0",
  sizeBytes: 1,
  value: encodeBase64(encodeUtf8("1")),
};

function show(dialog: ReactNode): void {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      <ToastProvider>{dialog}</ToastProvider>
    </QueryClientProvider>,
  );
}

function press(name: string): void {
  fireEvent.click(screen.getByRole("button", { name }));
}

/** Reads are answered; what has an effect finds nobody any more. */
function breakOff(read: unknown = {}): void {
  vi.stubGlobal("fetch", async (_: string, { method }: { method: string }) => {
    if (method === "GET") return Response.json(read);
    throw new TypeError("Failed to fetch");
  });
}

const failure = { isUnknown: true, text: "The console does not answer." };

test("a save without an answer is not called a failure, and leads to the key", () => {
  const reload = vi.fn();
  show(
    <SaveDialog
      open
      onOpenChange={nothing}
      keyBytes={key}
      before={encodeUtf8("1")}
      after={encodeUtf8("2")}
      baseRevision="5"
      hasLease={false}
      isSaving={false}
      failure={failure}
      onSave={nothing}
      onReload={reload}
    />,
  );
  expect(screen.getByRole("alert").textContent).toContain("Not known whether it was saved");
  press("Reload the key");
  expect(reload).toHaveBeenCalledOnce();
});

test("of an overwrite without an answer nobody says that nothing was overwritten", () => {
  const conflict = (isUnknown: boolean) => (
    <ConflictDialog
      conflict={{ theirs: kv }}
      later={null}
      mine={encodeUtf8("2")}
      baseRevision="4"
      isSaving={false}
      failure={{ ...failure, isUnknown }}
      onClose={nothing}
      onRebase={nothing}
      onOverwrite={nothing}
      onDiscard={nothing}
      onReload={nothing}
      onShowLater={nothing}
    />
  );
  show(conflict(false));
  expect(screen.getByRole("alert").textContent).toContain("Not saved");
  expect(screen.getByText(/Nothing has been overwritten/)).toBeDefined();
  cleanup();
  show(conflict(true));
  expect(screen.getByRole("alert").textContent).toContain("Not known whether it was saved");
  expect(screen.queryByText(/Nothing has been overwritten/)).toBeNull();
});

test("a key that may have been created can be opened", async () => {
  breakOff();
  const opened = vi.fn();
  show(
    <CreateKeyDialog
      cluster="local"
      prefix={key}
      onClose={nothing}
      onCreated={nothing}
      onOpenExisting={opened}
    />,
  );
  press("Create");
  expect((await screen.findByRole("alert")).textContent).toContain(
    "Not known whether it was created",
  );
  press("Open it");
  expect(opened).toHaveBeenCalledWith(key);
});

test("a key that may have been deleted is read again", async () => {
  breakOff();
  const reload = vi.fn();
  show(
    <DeleteKeyDialog
      cluster="local"
      kv={kv}
      open
      onOpenChange={nothing}
      onDeleted={nothing}
      onReload={reload}
    />,
  );
  press("Delete");
  expect((await screen.findByRole("alert")).textContent).toContain(
    "Not known whether it was deleted",
  );
  press("Reload the key");
  expect(reload).toHaveBeenCalledOnce();
});

test("a delete of many keys that breaks off may have deleted any number", async () => {
  const { value: _, ...meta } = kv;
  const end = encodeBase64(encodeUtf8("a0"));
  breakOff({ revision: "5", count: 1, sample: [meta], start: kv.key, end });
  show(
    <DeletePrefixDialog
      cluster="local"
      separator={encodeUtf8("/")}
      prefix={encodeUtf8("a/")}
      onClose={nothing}
      onDeleted={nothing}
    />,
  );
  fireEvent.change(await screen.findByLabelText(/to confirm/), { target: { value: "a/" } });
  press("Delete 1 key");
  expect((await screen.findByRole("alert")).textContent).toContain(
    "Not known how many keys were deleted",
  );
});
