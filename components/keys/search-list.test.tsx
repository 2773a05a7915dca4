// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TooltipProvider } from "@/components/ui/tooltip";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { encodeBase64 } from "@/lib/schema/bytes";
import { SearchList } from "./search-list.tsx";

// Rows exist only where there is room for them.
beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(600);
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(300);
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const page = (name: string, revision: string, cursor: string | null) => ({
  revision,
  onlyMember: null,
  count: 2,
  keys: [
    {
      key: encodeBase64(encodeUtf8(name)),
      createRevision: "1",
      modRevision: "1",
      version: "1",
      lease: "0",
      sizeBytes: null,
    },
  ],
  cursor,
});
const compacted = () =>
  Response.json({ error: { code: "compacted", message: "compacted" } }, { status: 410 });

const taken = () =>
  Response.json({ error: { code: "future-revision", message: "future" } }, { status: 400 });

/** Revision 5 is lost after its first page; the next one is 9. */
function searched(revision: string | undefined, lost = compacted): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (path: string) => {
    if (!path.includes("/keys/search")) return new Promise(() => undefined);
    const params = new URL(path, "http://console").searchParams;
    const at = params.get("revision");
    const cursor = params.get("cursor");
    asked.push(`${at ?? "now"} ${cursor ?? "start"}`);
    if (cursor === null) return Response.json(page("a1", asked.length === 1 ? "5" : "9", "YTE"));
    return at === "9" ? Response.json(page("a2", "9", null)) : lost();
  });
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const ignore = () => undefined;
  render(
    <QueryClientProvider client={client}>
      <TooltipProvider>
        <SearchList
          cluster="local"
          prefix={encodeUtf8("a")}
          separator={encodeUtf8("/")}
          revision={revision}
          selected={null}
          edited={new Set()}
          onChoose={ignore}
          onMenu={ignore}
        />
      </TooltipProvider>
    </QueryClientProvider>,
  );
  return asked;
}

test.each([
  ["compacted", compacted],
  ["taken back by a restore", taken],
])("a search whose revision is %s meanwhile goes on from another", async (_, lost) => {
  const asked = searched(undefined, lost);
  await screen.findByRole("treeitem", { name: /a2/ });
  expect(asked).toEqual(["now start", "5 YTE", "now start", "9 YTE"]);
});

test("a search of the past says that the past is gone", async () => {
  const asked = searched("5");
  await screen.findByText(/it has been compacted/);
  expect(asked).toEqual(["5 start", "5 YTE"]);
});
