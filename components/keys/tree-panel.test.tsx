// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ToastProvider } from "@/components/ui/toast";
import { TooltipProvider } from "@/components/ui/tooltip";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { KeyTree } from "@/lib/browser/key-tree";
import { TreePanel } from "./tree-panel.tsx";

vi.mock("next/navigation", () => ({ useRouter: () => ({ push: () => undefined }) }));

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test("a search begins with its first letter, not with the whole key space", async () => {
  const sought: string[] = [];
  vi.stubGlobal("fetch", async (path: string) => {
    const { pathname, searchParams } = new URL(path, "http://console");
    if (pathname.endsWith("/keys/search")) sought.push(searchParams.get("prefix") ?? "");
    return new Promise(() => undefined);
  });
  const ignore = () => undefined;
  const separator = encodeUtf8("/");
  const address = { cluster: "local", separator };
  const tree = new KeyTree(async () => new Promise(ignore), separator, undefined);
  render(
    <QueryClientProvider client={new QueryClient()}>
      <TooltipProvider>
        <ToastProvider>
          <TreePanel
            location={{ address, problem: null, go: ignore, show: ignore, close: ignore }}
            tree={tree}
            view={tree.view()}
            onCreate={ignore}
            onDeletePrefix={ignore}
          />
        </ToastProvider>
      </TooltipProvider>
    </QueryClientProvider>,
  );
  fireEvent.change(screen.getByLabelText("Search keys by prefix"), { target: { value: "a" } });
  await waitFor(() => expect(sought).toContain("YQ"));
  expect(sought).toEqual(["YQ"]);
});
