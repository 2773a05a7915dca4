// The tree's memory: which folders are open and what has been loaded of them, all at one revision,
// so that no page of one level contradicts a page of another. Going to a newer revision loads the
// open folders again and swaps them in when they have come.

import { decodeBase64, encodeBase64 } from "../schema/bytes.ts";
import type { ChildrenReply } from "../schema/keys.ts";
import type { ChildrenPage } from "./keys.ts";
import { errorText, RequestError } from "./request.ts";
import {
  flattenTree,
  foldersAbove,
  LEVEL_CHILDREN_MAX,
  ROOT,
  type TreeLevel,
  type TreeRow,
} from "./tree-rows.ts";

const FIRST_PAGE_CHILDREN = 500;
const NEXT_PAGE_CHILDREN = 2_000;

/** Folders that are opened by themselves to bring one key into view. */
const REVEAL_FOLDERS_MAX = 64;

export interface TreeView {
  readonly rows: readonly TreeRow[];
  /** The revision shown; null until the first reply. */
  readonly revision: string | null;
  /** All keys at that revision; null until known. */
  readonly count: number | null;
  readonly isRefreshing: boolean;
}

export type LoadChildren = (page: Omit<ChildrenPage, "separator">) => Promise<ChildrenReply>;

const EMPTY: TreeLevel = { children: [], cursor: null, isLoading: false, error: null };

export class KeyTree {
  readonly #load: LoadChildren;
  readonly #separator: Uint8Array;
  /** Set when the past is looked at: the tree never leaves it. */
  readonly #fixed: string | undefined;
  readonly #listeners = new Set<() => void>();
  #levels = new Map<string, TreeLevel>();
  #open = new Set<string>();
  #view: TreeView = { rows: [], revision: null, count: null, isRefreshing: false };
  /** Replies of an earlier epoch are of another revision and dropped. */
  #epoch = 0;

  constructor(load: LoadChildren, separator: Uint8Array, revision: string | undefined) {
    this.#load = load;
    this.#separator = separator;
    this.#fixed = revision;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly view = (): TreeView => this.#view;

  isOpen(folder: string): boolean {
    return this.#open.has(folder);
  }

  async openFolder(folder: string): Promise<void> {
    if (this.#open.has(folder)) return;
    this.#open.add(folder);
    if (this.#levels.has(folder)) this.#publish({});
    else await this.#loadPage(folder);
  }

  closeFolder(folder: string): void {
    if (this.#open.delete(folder)) this.#publish({});
  }

  /** The next page of a folder, or its first one once more after a failure. */
  async loadMore(folder: string): Promise<void> {
    const level = this.#levels.get(folder);
    if (level?.isLoading === true) return;
    if (level !== undefined && level.children.length >= LEVEL_CHILDREN_MAX) return;
    await this.#loadPage(folder);
  }

  /**
   * Opens everything above a key or folder, one level after the other. With `isInto` the folder
   * that ends where the path ends is opened too: a key of that name stands in it.
   */
  async reveal(path: Uint8Array, isInto: boolean): Promise<void> {
    const folders = foldersAbove(path, this.#separator).slice(0, REVEAL_FOLDERS_MAX);
    for (const folder of folders) {
      if (folder.length < path.length || isInto) await this.openFolder(encodeBase64(folder));
    }
  }

  /** Loads the root and all open folders anew, at the newest revision unless it is fixed. */
  async refresh(): Promise<void> {
    this.#epoch += 1;
    const epoch = this.#epoch;
    this.#publish({ isRefreshing: true });
    try {
      const root = await this.#loadAgain(ROOT, this.#fixed);
      if (epoch !== this.#epoch) return;
      const levels = new Map([[ROOT, levelOf(root)]]);
      await this.#reloadOpen(levels, root.revision);
      if (epoch !== this.#epoch) return;
      this.#levels = levels;
      this.#publish({ revision: root.revision, count: root.count, isRefreshing: false });
    } catch (error) {
      if (epoch !== this.#epoch) return;
      const before = this.#levels.get(ROOT) ?? EMPTY;
      this.#levels.set(ROOT, { ...before, isLoading: false, error: errorText(error) });
      this.#publish({ isRefreshing: false });
    }
  }

  /** Folders that are gone close; a folder whose reload fails says so in its place. */
  async #reloadOpen(levels: Map<string, TreeLevel>, revision: string): Promise<void> {
    const inOrder = [...this.#open].toSorted((a, b) => a.length - b.length);
    for (const folder of inOrder) {
      try {
        const reply = await this.#loadAgain(folder, revision);
        if (reply.count === 0) this.#open.delete(folder);
        else levels.set(folder, levelOf(reply));
      } catch (error) {
        levels.set(folder, { ...EMPTY, error: errorText(error) });
      }
    }
  }

  /** As many pages as are loaded now, so that nobody is thrown back to the top of a long list. */
  async #loadAgain(folder: string, revision: string | undefined): Promise<ChildrenReply> {
    const wanted = this.#levels.get(folder)?.children.length ?? 0;
    const prefix = decodeBase64(folder);
    const first = { prefix, revision, cursor: undefined, limit: FIRST_PAGE_CHILDREN };
    let reply = await this.#load(first);
    const children = [...reply.children];
    while (reply.cursor !== null && children.length < wanted) {
      const { revision: pinned, cursor } = reply;
      reply = await this.#load({ prefix, revision: pinned, cursor, limit: NEXT_PAGE_CHILDREN });
      children.push(...reply.children);
    }
    return { ...reply, children };
  }

  async #loadPage(folder: string): Promise<void> {
    const before = this.#levels.get(folder) ?? EMPTY;
    const epoch = this.#epoch;
    this.#levels.set(folder, { ...before, isLoading: true, error: null });
    this.#publish({});
    try {
      const reply = await this.#load({
        prefix: decodeBase64(folder),
        revision: this.#view.revision ?? this.#fixed,
        cursor: before.cursor ?? undefined,
        limit: before.cursor === null ? FIRST_PAGE_CHILDREN : NEXT_PAGE_CHILDREN,
      });
      if (epoch !== this.#epoch) return;
      const children = [...(before.cursor === null ? [] : before.children), ...reply.children];
      this.#levels.set(folder, { ...levelOf(reply), children });
      this.#publish({ revision: reply.revision });
    } catch (error) {
      if (epoch !== this.#epoch) return;
      if (isCompacted(error) && this.#fixed === undefined) {
        await this.refresh();
        return;
      }
      this.#levels.set(folder, { ...before, isLoading: false, error: errorText(error) });
      this.#publish({});
    }
  }

  #publish(changes: Partial<TreeView>): void {
    this.#view = { ...this.#view, ...changes, rows: flattenTree(this.#levels, this.#open) };
    for (const listener of this.#listeners) listener();
  }
}

function levelOf(reply: ChildrenReply): TreeLevel {
  return { children: reply.children, cursor: reply.cursor, isLoading: false, error: null };
}

function isCompacted(error: unknown): boolean {
  return error instanceof RequestError && error.code === "compacted";
}
