// The tree as one list of rows. Levels are loaded one at a time and page by page; what is open and
// loaded decides what there is to see, and nothing else does.

import type { Child, KeyMeta } from "../schema/keys.ts";

/** One folder's direct children as far as they are loaded. */
export interface TreeLevel {
  readonly children: readonly Child[];
  /** Where the next page begins; null when all are here. */
  readonly cursor: string | null;
  readonly isLoading: boolean;
  /** Why the last page did not come. */
  readonly error: string | null;
}

interface RowPlace {
  readonly id: string;
  /** 0 at the top. */
  readonly depth: number;
  /** The folder that it stands in; "" is the root. */
  readonly parent: string;
}

export interface FolderRow extends RowPlace {
  readonly kind: "folder";
  /** Full prefix, in base64 as all keys here. */
  readonly key: string;
  readonly name: string;
  readonly count: number;
  readonly isOpen: boolean;
  readonly position: number;
  /** Siblings in all; -1 while not all are loaded. */
  readonly size: number;
}

export interface KeyRow extends RowPlace {
  readonly kind: "key";
  readonly key: string;
  readonly name: string;
  readonly meta: KeyMeta;
  readonly position: number;
  readonly size: number;
}

export interface NoteRow extends RowPlace {
  /** full: no more of this folder is kept in the page. */
  readonly kind: "more" | "loading" | "failed" | "full";
  readonly text: string;
}

export type TreeRow = FolderRow | KeyRow | NoteRow;

export const ROOT = "";
/** Children of one folder that are kept; beyond it the search leads further. */
export const LEVEL_CHILDREN_MAX = 200_000;

export function flattenTree(
  levels: ReadonlyMap<string, TreeLevel>,
  open: ReadonlySet<string>,
): TreeRow[] {
  const rows: TreeRow[] = [];
  addLevel(rows, levels, open, ROOT, 0);
  return rows;
}

function addLevel(
  rows: TreeRow[],
  levels: ReadonlyMap<string, TreeLevel>,
  open: ReadonlySet<string>,
  parent: string,
  depth: number,
): void {
  const level = levels.get(parent);
  const children = level?.children ?? [];
  const size = level?.cursor === null ? children.length : -1;
  for (const [at, child] of children.entries()) {
    const place = { depth, parent, key: child.key, name: child.name, position: at + 1, size };
    if (child.kind === "key") {
      rows.push({ kind: "key", id: `key ${child.key}`, ...place, meta: child.meta });
      continue;
    }
    const isOpen = open.has(child.key);
    const id = `folder ${child.key}`;
    rows.push({ kind: "folder", id, ...place, count: child.count, isOpen });
    if (isOpen) addLevel(rows, levels, open, child.key, depth + 1);
  }
  const note = noteOf(level, children.length);
  if (note !== null) rows.push({ ...note, id: `${note.kind} ${parent}`, depth, parent });
}

function noteOf(
  level: TreeLevel | undefined,
  loaded: number,
): Pick<NoteRow, "kind" | "text"> | null {
  if (typeof level?.error === "string") return { kind: "failed", text: level.error };
  if (level === undefined || (level.isLoading && loaded === 0))
    return { kind: "loading", text: "" };
  if (level.cursor === null) return null;
  if (loaded < LEVEL_CHILDREN_MAX) return { kind: "more", text: "" };
  return { kind: "full", text: "There are more. Search by prefix to reach them." };
}

/**
 * The folders that must be open for a key to be in view, outermost first. A key that ends with the
 * separator is the nameless child of the folder of the same bytes.
 */
export function foldersAbove(key: Uint8Array, separator: Uint8Array): Uint8Array[] {
  const folders: Uint8Array[] = [];
  if (separator.length === 0) return folders;
  for (let at = 0; at + separator.length <= key.length; ) {
    if (separator.every((byte, offset) => key[at + offset] === byte)) {
      at += separator.length;
      folders.push(key.slice(0, at));
    } else at += 1;
  }
  return folders;
}

/**
 * Where typing a name leads: the next row, after `from` and around, whose label starts with it.
 * A single repeated letter steps through all that start with that letter.
 */
export function typeAhead(
  labels: readonly string[],
  from: number,
  typed: string,
): number | undefined {
  const isRepeat = typed.length > 1 && new Set(typed).size === 1;
  const wanted = (isRepeat ? typed.slice(0, 1) : typed).toLowerCase();
  const start = isRepeat || typed.length === 1 ? from + 1 : from;
  for (let step = 0; step < labels.length; step += 1) {
    const at = (start + step) % labels.length;
    if (labels[at]?.toLowerCase().startsWith(wanted)) return at;
  }
  return undefined;
}
