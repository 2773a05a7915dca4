// @vitest-environment happy-dom
import { act, cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { keepPage } from "@/lib/browser/kept-page";
import { clearSessionEnd, reportSessionEnd } from "@/lib/browser/session-end";
import { SessionEnded } from "./session-ended.tsx";

vi.mock("next/navigation", () => ({
  usePathname: () => "/watch",
  useSearchParams: () => new URLSearchParams("prefix=a"),
}));

afterEach(() => {
  cleanup();
  clearSessionEnd();
});

test("a page with nothing to keep is left for the sign-in and comes back", () => {
  render(<SessionEnded />);
  act(reportSessionEnd);
  const link = screen.getByRole("link", { name: "Sign in" });
  expect(link.getAttribute("href")).toBe("/login?callbackUrl=%2Fwatch%3Fprefix%3Da");
});

test("a page that has what no reload brings back stays, and the sign-in goes to another tab", () => {
  render(<SessionEnded />);
  const release = keepPage();
  act(reportSessionEnd);
  expect(screen.getByRole("link", { name: "Sign in in a new tab" })).toBeDefined();
  expect(screen.getByText(/what is on this page stays/)).toBeDefined();
  act(release);
  expect(screen.getByRole("link", { name: "Sign in" })).toBeDefined();
});
