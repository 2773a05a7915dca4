"use client";

import { useSyncExternalStore } from "react";

/** The key that commands are given with: ⌘ on Apple's keyboards, Ctrl elsewhere. */
export function useCommandKey(): string {
  return useSyncExternalStore(subscribeNever, read, () => "⌘");
}

function read(): string {
  return /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";
}

function subscribeNever() {
  return ignore;
}

function ignore() {}
