import { useRef } from "react";

const TREE = "[role=tree]";

/** Of the dialog that opened last: what it hands on when it closes as the next one opens. */
let owed: HTMLElement | null = null;

/**
 * Brings focus back to where it was before a dialog. Radix does so for a dialog with a trigger
 * only, and ours are opened by keys, menus and answers of the cluster.
 *
 * @returns `remember` for when the dialog opens, before it takes focus; `giveBack` for
 *   `onCloseAutoFocus`
 */
export function useFocusReturn() {
  const origin = useRef<HTMLElement | null>(null);
  return {
    remember: () => {
      if (!isFocusLost()) owed = lasting(document.activeElement);
      origin.current = owed;
    },
    giveBack: (event: Event) => {
      event.preventDefault();
      returnFocus(origin.current);
      if (owed === origin.current) owed = null;
    },
  };
}

/** What a row of the tree and its menu return focus to: the tree has its cursor on that row. */
export function returnFocusToTree() {
  returnFocus(find(TREE));
}

/**
 * Focuses `origin` or, where that is gone or takes no focus, what is nearest to it; does nothing
 * while something has focus. Without an origin the page gets it, where single keys are commands.
 */
export function returnFocus(origin: HTMLElement | null) {
  const dialog = [...document.querySelectorAll<HTMLElement>("[role=dialog][data-state=open]")].at(
    -1,
  );
  const places =
    dialog === undefined
      ? [origin, origin === null ? null : find(TREE), find("main")]
      : [dialog.contains(origin) ? origin : null, dialog];
  for (const place of places) {
    if (!isFocusLost()) return;
    place?.focus({ preventScroll: true });
  }
}

function isFocusLost(): boolean {
  return document.activeElement === null || document.activeElement === document.body;
}

/** What is still there when the dialog closes: rows leave as they scroll, menus with a choice. */
function lasting(element: Element | null): HTMLElement | null {
  const menu = element?.closest("[role=menu]");
  if (menu !== null && menu !== undefined) {
    const trigger = document.getElementById(menu.getAttribute("aria-labelledby") ?? "");
    // The menu of a row hangs on a mark that nobody sees.
    return trigger === null || trigger.getAttribute("aria-hidden") === "true"
      ? find(TREE)
      : trigger;
  }
  const place = element?.closest(TREE) ?? element;
  return place instanceof HTMLElement ? place : null;
}

function find(selector: string): HTMLElement | null {
  return document.querySelector<HTMLElement>(selector);
}
