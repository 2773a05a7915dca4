// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { type ReactNode, useSyncExternalStore } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ToastProvider } from "@/components/ui/toast";
import { useShell } from "./shell-context.ts";
import { ShellProvider } from "./shell-state.tsx";

const address = vi.hoisted(() => {
  const listeners = new Set<() => void>();
  let path = "/overview";
  return {
    read: () => path,
    go: (href: string) => {
      path = href.split("?")[0] ?? "";
      for (const listener of listeners) listener();
    },
    subscribe: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
});

vi.mock("next/navigation", () => ({
  usePathname: () => useSyncExternalStore(address.subscribe, address.read),
  useSearchParams: () => new URLSearchParams(),
  // A page arrives some time after it is asked for.
  useRouter: () => ({ push: (href: string) => setTimeout(() => address.go(href), 20) }),
}));

// What is pressed tells the console that its session is in use.
beforeEach(() => vi.stubGlobal("fetch", async () => Response.json({})));
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function Pages() {
  const path = useSyncExternalStore(address.subscribe, address.read);
  return (
    <main tabIndex={-1}>
      {path === "/overview" ? <button type="button">of the overview</button> : path}
    </main>
  );
}

function SignOut() {
  return (
    <button type="button" onClick={useShell().signOut}>
      Sign out
    </button>
  );
}

function show(page: ReactNode): void {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <ToastProvider>
        <ShellProvider>{page}</ShellProvider>
      </ToastProvider>
    </QueryClientProvider>,
  );
}

async function openPalette(): Promise<HTMLElement> {
  show(<Pages />);
  const opener = screen.getByRole("button", { name: "of the overview" });
  opener.focus();
  fireEvent.keyDown(opener, { key: "k", ctrlKey: true });
  await focused(await screen.findByRole("combobox"));
  return opener;
}

const focused = (element: Element) => waitFor(() => expect(document.activeElement).toBe(element));

test("the palette gives focus back, also after the list of shortcuts that it opened", async () => {
  const opener = await openPalette();
  fireEvent.click(screen.getByRole("option", { name: "Keyboard shortcuts" }));
  await focused(screen.getByRole("button", { name: "Close" }));
  fireEvent.keyDown(document.activeElement ?? document, { key: "Escape" });
  await focused(opener);
  fireEvent.keyDown(opener, { key: "k", ctrlKey: true });
  await focused(await screen.findByRole("combobox"));
  fireEvent.keyDown(screen.getByRole("combobox"), { key: "Escape" });
  await focused(opener);
});

test("after the palette has led to another page, that page has focus", async () => {
  await openPalette();
  fireEvent.click(screen.getByRole("option", { name: "Watch" }));
  await screen.findByText("/watch");
  await focused(screen.getByRole("main"));
});

test("a sign-out that did not happen is told", async () => {
  vi.stubGlobal("fetch", async () => {
    throw new TypeError("Failed to fetch");
  });
  show(<SignOut />);
  const here = window.location.href;
  fireEvent.click(screen.getByRole("button", { name: "Sign out" }));
  await screen.findByText("Not signed out");
  expect(window.location.href).toBe(here);
});
