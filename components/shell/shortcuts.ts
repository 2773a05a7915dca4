export interface Shortcut {
  readonly keys: readonly string[];
  readonly does: string;
}

/** Stands for ⌘ or Ctrl. */
export const COMMAND = "command";

export const SHORTCUTS: readonly { readonly title: string; readonly list: readonly Shortcut[] }[] =
  [
    {
      title: "Everywhere",
      list: [
        { keys: [COMMAND, "K"], does: "Go to a page or key" },
        { keys: ["g", "o"], does: "Overview" },
        { keys: ["g", "k"], does: "Keys" },
        { keys: ["g", "w"], does: "Watch" },
        { keys: ["/"], does: "Search or filter on this page" },
        { keys: ["?"], does: "This list" },
      ],
    },
    {
      title: "Tree of keys",
      list: [
        { keys: ["↑", "↓"], does: "Move; Home, End and Page keys too" },
        { keys: ["→", "←"], does: "Open or close a folder, or go to its parent" },
        { keys: ["Enter"], does: "Show the key or folder" },
        { keys: ["a–z"], does: "Type a name to jump to it" },
        { keys: ["Shift", "F10"], does: "Actions of the row" },
      ],
    },
    {
      title: "Value",
      list: [
        { keys: [COMMAND, "S"], does: "Review changes and save" },
        { keys: ["Tab"], does: "Leave the editor" },
      ],
    },
    {
      title: "Watch",
      list: [{ keys: ["Space"], does: "Pause or resume" }],
    },
  ];

const TEXT_PLACES = "input, textarea, select, [role=dialog], [role=menu]";
/** Letters that a tree leaves to the page; by the others it finds its rows. */
const LEFT_BY_TREES = "/?";

/** True where letters are text and not commands. */
export function isTyping({ target, key }: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  const isForTree = !LEFT_BY_TREES.includes(key) && target.closest("[role=tree]") !== null;
  return isForTree || target.closest(TEXT_PLACES) !== null;
}
