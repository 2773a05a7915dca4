import { expect, test } from "vitest";
import { treeAct } from "./tree-keyboard.ts";
import type { TreeRow } from "./tree-rows.ts";

const place = { depth: 0, parent: "", position: 1, size: 2 };
const rows: TreeRow[] = [
  { kind: "folder", id: "f a", key: "a", name: "a", count: 1, isOpen: true, ...place },
  { kind: "loading", id: "l a", depth: 1, parent: "a", text: "", part: "start" },
  { kind: "folder", id: "f b", key: "b", name: "b", count: 1, isOpen: false, ...place },
];

test("up and down stop at the ends", () => {
  expect(treeAct("ArrowDown", rows, 0, 10)).toEqual({ act: "move", to: 1 });
  expect(treeAct("ArrowDown", rows, 2, 10)).toEqual({ act: "move", to: 2 });
  expect(treeAct("ArrowUp", rows, 0, 10)).toEqual({ act: "move", to: 0 });
  expect(treeAct("PageDown", rows, 0, 10)).toEqual({ act: "move", to: 2 });
  expect(treeAct("Home", rows, 2, 10)).toEqual({ act: "move", to: 0 });
});

test("right opens a closed folder and enters an open one", () => {
  expect(treeAct("ArrowRight", rows, 2, 10)).toEqual({ act: "open", at: 2 });
  expect(treeAct("ArrowRight", rows, 0, 10)).toEqual({ act: "move", to: 1 });
});

test("left closes an open folder, and leads from a child to its parent", () => {
  expect(treeAct("ArrowLeft", rows, 0, 10)).toEqual({ act: "close", at: 0 });
  expect(treeAct("ArrowLeft", rows, 1, 10)).toEqual({ act: "move", to: 0 });
  expect(treeAct("ArrowLeft", rows, 2, 10)).toBeUndefined();
});

test("with no cursor yet, down begins at the top and up at the bottom", () => {
  expect(treeAct("ArrowDown", rows, -1, 10)).toEqual({ act: "move", to: 0 });
  expect(treeAct("ArrowUp", rows, -1, 10)).toEqual({ act: "move", to: 2 });
  expect(treeAct("Enter", rows, -1, 10)).toBeUndefined();
  expect(treeAct("ArrowDown", [], -1, 10)).toBeUndefined();
});
