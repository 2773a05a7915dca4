// The tree as one list of rows. Levels are loaded one at a time and page by page; what is open and
// loaded decides what there is to see, and nothing else does.

import type { Child, KeyMeta } from "../schema/keys.ts";

/** Some of a folder's direct children, without a gap. */
export interface LevelPart {
  readonly children: readonly Child[];
  /** Where the next page begins; null when there is none. */
  readonly cursor: string | null;
}

/** The part that was loaded around a named child, with a gap before it. */
export interface AheadPart extends LevelPart {
  /** What was asked for, in base64. */
  readonly from: string;
}

/** One folder's direct children as far as they are loaded, from the first on. */
export interface TreeLevel extends LevelPart {
  readonly ahead: AheadPart | null;
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
  /** Counted from 1; 0 behind a gap, where it is not known. */
  readonly position: number;
  /** Siblings in all; -1 while not all are loaded. */
  readonly size: number;
}

export interface KeyRow extends RowPlace {
  readonly kind: "key";
  readonly key: string;
  readonly name: string;
  /** Bytes that all names in a flat list begin with: where room is short they give way first. */
  readonly sharedBytes?: number;
  readonly meta: KeyMeta;
  readonly position: number;
  readonly size: number;
}

export interface NoteRow extends RowPlace {
  /** gap: what follows was loaded around a named key. full: no more is kept in the page. */
  readonly kind: "more" | "gap" | "loading" | "failed" | "full";
  readonly text: string;
  /** The part of the folder that goes on here. */
  readonly part: PartName;
}

export type PartName = "start" | "ahead";

export type TreeRow = FolderRow | KeyRow | NoteRow;

export const ROOT = "";
/** Children of one folder that are kept; beyond it the search leads further. */
export const LEVEL_CHILDREN_MAX = 200_000;

export function flattenTree(
  levels: ReadonlyMap<string, TreeLevel>,
  open: ReadonlySet<string>,
): TreeRow[] {
  const rows: TreeRow[] = [];
  addLevel({ rows, levels, open }, ROOT, 0);
  return rows;
}

interface Tree {
  readonly rows: TreeRow[];
  readonly levels: ReadonlyMap<string, TreeLevel>;
  readonly open: ReadonlySet<string>;
}

function addLevel(tree: Tree, parent: string, depth: number): void {
  const level = tree.levels.get(parent);
  const { children = [], ahead = null } = level ?? {};
  const isWhole = level?.cursor === null && ahead === null;
  addChildren(tree, children, { parent, depth, first: 1, size: isWhole ? children.length : -1 });
  const note = noteOf(level);
  if (note !== null) tree.rows.push({ ...note, id: `${note.kind} ${parent}`, depth, parent });
  if (ahead === null) return;
  addChildren(tree, ahead.children, { parent, depth, first: undefined, size: -1 });
  if (ahead.cursor === null) return;
  const id = `more ahead ${parent}`;
  tree.rows.push({ kind: "more", text: "", part: "ahead", id, depth, parent });
}

interface Place {
  readonly parent: string;
  readonly depth: number;
  /** Position of the first child; undefined where it is not known. */
  readonly first: number | undefined;
  readonly size: number;
}

function addChildren(tree: Tree, children: readonly Child[], place: Place): void {
  const { parent, depth, first, size } = place;
  for (const [at, child] of children.entries()) {
    const position = first === undefined ? 0 : first + at;
    const row = { depth, parent, key: child.key, name: child.name, position, size };
    if (child.kind === "key") {
      tree.rows.push({ kind: "key", id: `key ${child.key}`, ...row, meta: child.meta });
      continue;
    }
    const isOpen = tree.open.has(child.key);
    const id = `folder ${child.key}`;
    tree.rows.push({ kind: "folder", id, ...row, count: child.count, isOpen });
    if (isOpen) addLevel(tree, child.key, depth + 1);
  }
}

function noteOf(level: TreeLevel | undefined): Pick<NoteRow, "kind" | "text" | "part"> | null {
  const loaded = level?.children.length ?? 0;
  const part = "start";
  if (typeof level?.error === "string") return { kind: "failed", text: level.error, part };
  if (level === undefined || (level.isLoading && loaded === 0)) {
    return { kind: "loading", text: "", part };
  }
  if (level.cursor === null) return null;
  if (loaded + (level.ahead?.children.length ?? 0) >= LEVEL_CHILDREN_MAX) {
    return { kind: "full", text: "There are more. Search by prefix to reach them.", part };
  }
  if (level.ahead === null) return { kind: "more", text: "", part };
  return { kind: level.isLoading ? "loading" : "gap", text: "", part };
}

/**
 * The start with a page more, as one with the part ahead as soon as it reaches it. All of it is of
 * one revision, so that the page that reaches the part holds its first child.
 */
export function joined(start: LevelPart, ahead: AheadPart | null): Omit<TreeLevel, "error"> {
  const first = ahead?.children[0]?.key;
  const at = start.children.findIndex((child) => child.key === first);
  if (ahead === null || (at < 0 && start.cursor !== null)) {
    return { ...start, ahead, isLoading: false };
  }
  if (at < 0) return { ...start, ahead: null, isLoading: false };
  const children = [...start.children.slice(0, at), ...ahead.children];
  return { children, cursor: ahead.cursor, ahead: null, isLoading: false };
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
 * What to ask for so that a child comes with some of its neighbours: a name that most often lies a
 * little before it.
 */
export function shortlyBefore(child: Uint8Array, folder: Uint8Array, separator: Uint8Array) {
  const isFolder = separator.every(
    (byte, at) => child[child.length - separator.length + at] === byte,
  );
  const nameEnd = isFolder ? child.length - separator.length : child.length;
  return child.slice(0, Math.max(folder.length, nameEnd - 1));
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
