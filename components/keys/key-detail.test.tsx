// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ToastProvider } from "@/components/ui/toast";
import { TooltipProvider } from "@/components/ui/tooltip";
import { dropDraft, setDraft } from "@/lib/browser/drafts";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { encodeBase64 } from "@/lib/schema/bytes";
import { KeyDetail } from "./key-detail.tsx";

const KEY = encodeUtf8("/a");
const BASE = {
  key: encodeBase64(KEY),
  createRevision: "3",
  modRevision: "5",
  version: "2",
  lease: "0",
  sizeBytes: 3,
  value: encodeBase64(encodeUtf8("one")),
};

/** The key is gone from the cluster, at any revision; nothing else answers. */
function missing(onlyMember: string | null = null) {
  return async (path: string): Promise<Response> => {
    if (!path.includes("/keys/value")) return new Promise(() => undefined);
    const detail = { revision: "9", onlyMember };
    const error = { code: "not-found", message: "there is no such key", detail };
    return Response.json({ error }, { status: 404 });
  };
}

beforeEach(() => {
  vi.stubGlobal("fetch", missing());
  setDraft({ cluster: "local", form: "text", text: "mine", base: BASE });
});
afterEach(() => {
  cleanup();
  dropDraft("local", BASE.key);
  vi.unstubAllGlobals();
});

function open(revision?: string) {
  const ignore = () => undefined;
  const address = { cluster: "local", separator: encodeUtf8("/"), key: KEY, revision };
  const location = { address, problem: null, go: ignore, show: ignore, close: ignore };
  render(
    <QueryClientProvider client={new QueryClient()}>
      <TooltipProvider>
        <ToastProvider>
          <KeyDetail location={location} keyBytes={KEY} onCreate={ignore} onTreeChanged={ignore} />
        </ToastProvider>
      </TooltipProvider>
    </QueryClientProvider>,
  );
}

test("an edit whose key went while another key was open is still there to be saved", async () => {
  open();
  await screen.findByText("The key was deleted while you edited it");
  screen.getByText("Your edit began at revision 5 and is untouched.");
  fireEvent.click(screen.getByRole("button", { name: "Compare" }));
  const dialog = within(await screen.findByRole("dialog"));
  const create = dialog.getByRole("button", { name: "Create it again with mine" });
  expect(create.hasAttribute("disabled")).toBe(false);
});

test("a past without the key is shown as such, whatever is edited now", async () => {
  open("2");
  await screen.findByText("This key did not exist at revision 2");
});

test("what one member alone does not have is not called deleted", async () => {
  dropDraft("local", BASE.key);
  vi.stubGlobal("fetch", missing("16"));
  open();
  await screen.findByText("member 10 does not have this key");
  screen.getByText("Only this member could be asked. It may be behind, and the key may exist.");
});
