// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { isTyping } from "./shortcuts.ts";

function isTypingIn(html: string, key: string): boolean {
  document.body.innerHTML = html;
  const target = document.querySelector("[data-here]") ?? document.body;
  let isText = false;
  const listen = (event: Event) => {
    isText = isTyping(event as KeyboardEvent);
  };
  target.addEventListener("keydown", listen, { once: true });
  target.dispatchEvent(new KeyboardEvent("keydown", { key }));
  return isText;
}

test("letters are commands on a page and text in its fields, dialogs and menus", () => {
  for (const key of ["g", "/", "?"]) {
    expect(isTypingIn("<main data-here></main>", key)).toBe(false);
    expect(isTypingIn("<input data-here>", key)).toBe(true);
    expect(isTypingIn("<div role='dialog'><button data-here></button></div>", key)).toBe(true);
    expect(isTypingIn("<div role='menu'><a data-here></a></div>", key)).toBe(true);
  }
});

test("a tree finds rows by letters, but for those that are commands everywhere", () => {
  const row = "<div role='tree'><div data-here></div></div>";
  expect(isTypingIn(row, "g")).toBe(true);
  expect(isTypingIn(row, "/")).toBe(false);
  expect(isTypingIn(row, "?")).toBe(false);
});
