// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ToastProvider } from "@/components/ui/toast";
import { TooltipProvider } from "@/components/ui/tooltip";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { FolderDetail } from "./folder-detail.tsx";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test.each([
  ["compacted", 410, /has been compacted/],
  ["future-revision", 400, /may have been restored to an earlier one/],
])("a folder at a revision that is lost (%s) moves the tree on", async (code, status, said) => {
  vi.stubGlobal("fetch", async (path: string) => {
    if (!path.includes("/keys/summary")) return new Promise(() => undefined);
    return Response.json({ error: { code, message: "no", requestId: "1" } }, { status });
  });
  const onRevisionLost = vi.fn();
  const nothing = () => undefined;
  const address = {
    cluster: "local",
    separator: encodeUtf8("/"),
    key: undefined,
    folder: encodeUtf8("a/"),
    revision: undefined,
  };
  render(
    <QueryClientProvider
      client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}
    >
      <TooltipProvider>
        <ToastProvider>
          <FolderDetail
            location={{ address, problem: null, go: nothing, show: nothing, close: nothing }}
            folder={address.folder}
            revision="150"
            onCreate={nothing}
            onDeletePrefix={nothing}
            onRevisionLost={onRevisionLost}
          />
        </ToastProvider>
      </TooltipProvider>
    </QueryClientProvider>,
  );
  await screen.findByText(said);
  expect(onRevisionLost).toHaveBeenCalledOnce();
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(onRevisionLost).toHaveBeenCalledTimes(2);
});
