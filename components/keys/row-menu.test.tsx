// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { useState } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { Dialog } from "@/components/ui/dialog";
import { ToastProvider } from "@/components/ui/toast";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { ROOT } from "@/lib/browser/tree-rows";
import { encodeBase64 } from "@/lib/schema/bytes";
import { RowMenu } from "./row-menu.tsx";
import type { NamedRow, RowMenuAt } from "./tree-list.tsx";

vi.mock("next/navigation", () => ({ useRouter: () => ({ push: () => undefined }) }));

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const row: NamedRow = {
  kind: "folder",
  id: "folder a",
  key: encodeBase64(encodeUtf8("a/")),
  name: encodeBase64(encodeUtf8("a")),
  depth: 0,
  parent: ROOT,
  position: 1,
  size: 1,
  count: 1,
  isOpen: false,
};

function TreeWithMenu() {
  const [at, setAt] = useState<RowMenuAt | null>(null);
  const [isAsking, setIsAsking] = useState(false);
  return (
    <>
      <div role="tree" tabIndex={0} onContextMenu={() => setAt({ row, x: 0, y: 0 })} />
      <RowMenu
        cluster="local"
        revision={undefined}
        separator={encodeUtf8("/")}
        at={at}
        onClose={() => setAt(null)}
        onCreate={() => setIsAsking(true)}
        onDeletePrefix={() => undefined}
      />
      <Dialog open={isAsking} onOpenChange={setIsAsking} title="asked" description="" />
    </>
  );
}

async function openMenu(): Promise<HTMLElement> {
  vi.stubGlobal("fetch", () => new Promise(() => undefined));
  render(
    <QueryClientProvider client={new QueryClient()}>
      <ToastProvider>
        <TreeWithMenu />
      </ToastProvider>
    </QueryClientProvider>,
  );
  const tree = screen.getByRole("tree");
  tree.focus();
  fireEvent.contextMenu(tree);
  await focused(await screen.findByRole("menu"));
  return tree;
}

const focused = (element: Element) => waitFor(() => expect(document.activeElement).toBe(element));
const escape = () => fireEvent.keyDown(document.activeElement ?? document, { key: "Escape" });

test("the menu of a row gives focus back to the tree", async () => {
  const tree = await openMenu();
  escape();
  await focused(tree);
});

test("so does a dialog that it opened", async () => {
  const tree = await openMenu();
  const item = screen.getByRole("menuitem", { name: "New key in here" });
  item.focus();
  fireEvent.click(item);
  await focused(await screen.findByRole("button", { name: "Close" }));
  await waitFor(() => expect(screen.queryByRole("menu")).toBeNull());
  escape();
  await focused(tree);
});
