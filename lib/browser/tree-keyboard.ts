// What a key press means in a tree, after the ARIA practices for trees.

import type { TreeRow } from "./tree-rows.ts";

export type TreeAct =
  | { readonly act: "move"; readonly to: number }
  | { readonly act: "open" | "close" | "choose"; readonly at: number };

/** `at` is the row with the cursor, -1 for none; `pageRows` how many are in view. */
export function treeAct(
  key: string,
  rows: readonly TreeRow[],
  at: number,
  pageRows: number,
): TreeAct | undefined {
  if (rows.length === 0) return undefined;
  const row = rows[at];
  const move = (to: number): TreeAct => ({
    act: "move",
    to: Math.max(0, Math.min(rows.length - 1, to)),
  });
  switch (key) {
    case "ArrowDown":
      return move(at + 1);
    case "ArrowUp":
      return move(at === -1 ? rows.length - 1 : at - 1);
    case "PageDown":
      return move(at + pageRows);
    case "PageUp":
      return move(at - pageRows);
    case "Home":
      return move(0);
    case "End":
      return move(rows.length - 1);
    case "ArrowRight":
      if (row?.kind !== "folder") return undefined;
      return row.isOpen ? move(at + 1) : { act: "open", at };
    case "ArrowLeft": {
      if (row === undefined) return undefined;
      if (row.kind === "folder" && row.isOpen) return { act: "close", at };
      const parent = rows.findIndex((other) => other.kind === "folder" && other.key === row.parent);
      return parent === -1 ? undefined : move(parent);
    }
    case "Enter":
    case " ":
      return row === undefined ? undefined : { act: "choose", at };
    default:
      return undefined;
  }
}
