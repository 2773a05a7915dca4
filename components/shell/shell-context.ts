"use client";

import { createContext, useContext } from "react";

export interface Shell {
  readonly openPalette: () => void;
  readonly openShortcuts: () => void;
  /** Asks first when edits would be lost. */
  readonly signOut: () => void;
}

export const ShellContext = createContext<Shell | null>(null);

export function useShell(): Shell {
  const shell = useContext(ShellContext);
  if (shell === null) throw new Error("useShell needs a ShellProvider above it");
  return shell;
}
