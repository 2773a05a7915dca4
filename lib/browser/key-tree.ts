// The tree's memory: which folders are open and what has been loaded of them, all at one revision,
// so that no page of one level contradicts a page of another. Going to a newer revision loads the
// open folders again and swaps them in when they have come.

import { decodeBase64, encodeBase64 } from "../schema/bytes.ts";
import type { Child, ChildrenReply } from "../schema/keys.ts";
import { runBounded } from "./bounded-runs.ts";
import type { ChildrenPage } from "./keys.ts";
import { errorText, RequestError } from "./request.ts";
import {
  type AheadPart,
  flattenTree,
  foldersAbove,
  joined,
  LEVEL_CHILDREN_MAX,
  type LevelPart,
  type PartName,
  ROOT,
  shortlyBefore,
  type TreeLevel,
  type TreeRow,
} from "./tree-rows.ts";

const FIRST_PAGE_CHILDREN = 500;
const NEXT_PAGE_CHILDREN = 2_000;

/** Folders that are opened by themselves to bring one key into view. */
const REVEAL_FOLDERS_MAX = 64;
/** Levels that are asked for at once: a browser has six connections, and a page other wishes. */
const LEVELS_AT_ONCE = 4;

export interface TreeView {
  readonly rows: readonly TreeRow[];
  /** The revision shown; null until the first reply. */
  readonly revision: string | null;
  /** Set when pages were read without quorum: the id of the one member that was asked last. */
  readonly onlyMember: string | null;
  /** All keys at that revision; null until known. */
  readonly count: number | null;
  readonly isRefreshing: boolean;
}

type Page = Omit<ChildrenPage, "separator">;
export type LoadChildren = (page: Page) => Promise<ChildrenReply>;

const EMPTY: TreeLevel = {
  children: [],
  cursor: null,
  ahead: null,
  isLoading: false,
  error: null,
};

export class KeyTree {
  readonly #load: LoadChildren;
  readonly #separator: Uint8Array;
  /** Set when the past is looked at: the tree never leaves it. */
  readonly #fixed: string | undefined;
  readonly #listeners = new Set<() => void>();
  #levels = new Map<string, TreeLevel>();
  #open = new Set<string>();
  #view: TreeView = {
    rows: [],
    revision: null,
    onlyMember: null,
    count: null,
    isRefreshing: false,
  };
  /** First pages of this epoch. */
  readonly #opening = new Map<string, Promise<void>>();
  /** Counts the swaps: pages asked for in an earlier epoch are of another revision and dropped. */
  #epoch = 0;
  /** Counts the refreshes: of several that are under way only the last is swapped in. */
  #refreshes = 0;
  /** Counts what was to be revealed: the last alone is brought into view again after a swap. */
  #reveals = 0;
  /** The last refresh while it is under way. */
  #refreshing: Promise<void> | null = null;

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

  /** Returns when its first page is there, whoever has opened it. */
  async openFolder(folder: string): Promise<void> {
    if (!this.#open.has(folder)) {
      this.#open.add(folder);
      if (this.#levels.has(folder)) this.#publish({});
      else this.#opening.set(folder, this.#loadPage(folder));
    }
    await this.#opening.get(folder);
  }

  closeFolder(folder: string): void {
    if (this.#open.delete(folder)) this.#publish({});
  }

  /** The next page of a folder's part, or its first one once more after a failure. */
  async loadMore(folder: string, part: PartName): Promise<void> {
    const level = this.#levels.get(folder);
    if (level?.isLoading === true) return;
    const loaded = (level?.children.length ?? 0) + (level?.ahead?.children.length ?? 0);
    if (loaded >= LEVEL_CHILDREN_MAX) return;
    await this.#loadPage(folder, part);
  }

  /**
   * Opens everything above a key or folder, several levels at once, and loads around whatever lies
   * beyond the pages that are there. With `isInto` the folder that ends where the path ends is
   * opened too: a key of that name stands in it.
   */
  async reveal(path: Uint8Array, isInto: boolean): Promise<void> {
    const folders = foldersAbove(path, this.#separator).slice(0, REVEAL_FOLDERS_MAX);
    if (folders.at(-1)?.length === path.length && !isInto) folders.pop();
    const parents = [new Uint8Array(0), ...folders];
    const steps = parents.map((folder, at) => ({ folder, child: folders[at] ?? path }));
    this.#reveals += 1;
    const turn = this.#reveals;
    let epoch = this.#epoch;
    await runBounded(steps, LEVELS_AT_ONCE, async (step) => {
      if (step.folder.length > 0) await this.openFolder(encodeBase64(step.folder));
      await this.#loadAround(step);
    });
    // A swap takes away what was loaded around the child since its refresh came by.
    while ((await this.#isSwapped(epoch)) && turn === this.#reveals) {
      epoch = this.#epoch;
      await runBounded(steps, LEVELS_AT_ONCE, (step) => this.#loadAround(step));
    }
  }

  /** Brings a child into its folder's level, without all the pages before it. */
  async #loadAround({ folder, child }: RevealStep): Promise<void> {
    const parent = encodeBase64(folder);
    const wanted = encodeBase64(child);
    const isWanted = ({ key }: Child) => key === wanted;
    const epoch = this.#epoch;
    for (const from of [shortlyBefore(child, folder, this.#separator), child]) {
      const level = this.#levels.get(parent);
      const isThere = level?.children.some(isWanted) || level?.ahead?.children.some(isWanted);
      if (level === undefined || level.cursor === null || isThere) return;
      const part = await this.#loadFrom(parent, from);
      const now = this.#levels.get(parent);
      if (part === undefined || epoch !== this.#epoch || now === undefined) return;
      if (!part.children.some(isWanted)) continue;
      this.#levels.set(parent, {
        ...joined(now, part),
        error: now.error,
        isLoading: now.isLoading,
      });
      this.#publish({});
      return;
    }
  }

  /** Undefined when it fails: the folder itself is still as good as it was. */
  async #loadFrom(folder: string, from: Uint8Array): Promise<AheadPart | undefined> {
    const prefix = decodeBase64(folder);
    const epoch = this.#epoch;
    const revision = this.#view.revision ?? this.#fixed;
    const page = { prefix, revision, cursor: undefined, from, limit: FIRST_PAGE_CHILDREN };
    try {
      const { children, cursor } = await this.#load(page);
      return { children, cursor, from: encodeBase64(from) };
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (epoch === this.#epoch) this.#leaveLost(error);
      return undefined;
    }
  }

  /** Loads the root and all open folders anew, at the newest revision unless it is fixed. */
  refresh(): Promise<void> {
    this.#refreshes += 1;
    const running = this.#reload(this.#refreshes);
    this.#refreshing = running;
    return running;
  }

  /** Until the swap the tree stays at its revision, and pages of it are welcome. */
  async #reload(turn: number): Promise<void> {
    this.#publish({ isRefreshing: true });
    try {
      const root = await this.#loadAgain(ROOT, this.#fixed);
      if (turn !== this.#refreshes) return;
      const levels = new Map([[ROOT, root.level]]);
      // Folders are opened meanwhile too: none is left without a level by the swap.
      for (let left = this.#openBut(levels); left.length > 0; left = this.#openBut(levels)) {
        await this.#reloadFolders(left, levels, root.revision);
        if (turn !== this.#refreshes) return;
      }
      this.#epoch += 1;
      this.#opening.clear();
      this.#levels = levels;
      const { revision, onlyMember, count } = root;
      this.#publish({ revision, onlyMember, count, isRefreshing: false });
    } catch (error) {
      if (turn !== this.#refreshes) return;
      const before = this.#levels.get(ROOT) ?? EMPTY;
      this.#levels.set(ROOT, { ...before, error: errorText(error) });
      this.#publish({ isRefreshing: false });
    } finally {
      if (turn === this.#refreshes) this.#refreshing = null;
    }
  }

  /** Open folders that have no level among these, outer ones first. */
  #openBut(levels: ReadonlyMap<string, TreeLevel>): string[] {
    const left = [...this.#open].filter((folder) => !levels.has(folder));
    return left.toSorted((a, b) => a.length - b.length);
  }

  /** Folders that are gone close; a folder whose reload fails says so in its place. */
  async #reloadFolders(
    folders: readonly string[],
    levels: Map<string, TreeLevel>,
    revision: string,
  ): Promise<void> {
    await runBounded(folders, LEVELS_AT_ONCE, async (folder) => {
      try {
        const reply = await this.#loadAgain(folder, revision);
        if (reply.count === 0) this.#open.delete(folder);
        else levels.set(folder, reply.level);
      } catch (error) {
        levels.set(folder, { ...EMPTY, error: errorText(error) });
      }
    });
  }

  /** Goes to the present when the revision is no more, unless it is fixed; tells whether it does. */
  #leaveLost(error: unknown): boolean {
    if (this.#fixed !== undefined || !isLost(error)) return false;
    if (this.#refreshing === null) void this.refresh();
    return true;
  }

  /** Waits for the refresh that is under way, and tells whether any was swapped in since `epoch`. */
  async #isSwapped(epoch: number): Promise<boolean> {
    while (this.#refreshing !== null) await this.#refreshing;
    return epoch !== this.#epoch;
  }

  /** As many pages as are loaded now, so that nobody is thrown back to the top of a long list. */
  async #loadAgain(folder: string, revision: string | undefined): Promise<LoadedLevel> {
    const before = this.#levels.get(folder) ?? EMPTY;
    const prefix = decodeBase64(folder);
    const first = { prefix, revision, cursor: undefined, limit: FIRST_PAGE_CHILDREN };
    const start = await this.#loadPart(first, before.children.length);
    let ahead: AheadPart | null = null;
    if (before.ahead !== null && start.cursor !== null) {
      const from = decodeBase64(before.ahead.from);
      const around = { ...first, revision: start.revision, from };
      const part = await this.#loadPart(around, before.ahead.children.length);
      if (part.children.length > 0) ahead = { ...part, from: before.ahead.from };
    }
    const { revision: shown, onlyMember, count } = start;
    return { revision: shown, onlyMember, count, level: { ...joined(start, ahead), error: null } };
  }

  async #loadPart(first: Page, wanted: number): Promise<ChildrenReply> {
    let reply = await this.#load(first);
    const children = [...reply.children];
    const { prefix } = first;
    while (reply.cursor !== null && children.length < wanted) {
      const { revision, cursor } = reply;
      reply = await this.#load({ prefix, revision, cursor, limit: NEXT_PAGE_CHILDREN });
      children.push(...reply.children);
    }
    return { ...reply, children };
  }

  async #loadPage(folder: string, part: PartName = "start"): Promise<void> {
    const before = this.#levels.get(folder) ?? EMPTY;
    const { cursor } = (part === "ahead" ? before.ahead : before) ?? EMPTY;
    const epoch = this.#epoch;
    this.#levels.set(folder, { ...before, isLoading: true, error: null });
    this.#publish({});
    try {
      const reply = await this.#load({
        prefix: decodeBase64(folder),
        revision: this.#view.revision ?? this.#fixed,
        cursor: cursor ?? undefined,
        limit: cursor === null ? FIRST_PAGE_CHILDREN : NEXT_PAGE_CHILDREN,
      });
      if (epoch !== this.#epoch) return;
      this.#levels.set(folder, grown(this.#levels.get(folder) ?? EMPTY, part, cursor, reply));
      const onlyMember = reply.onlyMember ?? this.#view.onlyMember;
      this.#publish({ revision: reply.revision, onlyMember });
    } catch (error) {
      if (epoch !== this.#epoch) return;
      if (this.#leaveLost(error) && (await this.#isSwapped(epoch))) return;
      const now = this.#levels.get(folder) ?? before;
      this.#levels.set(folder, { ...now, isLoading: false, error: errorText(error) });
      this.#publish({});
    }
  }

  #publish(changes: Partial<TreeView>): void {
    this.#view = { ...this.#view, ...changes, rows: flattenTree(this.#levels, this.#open) };
    for (const listener of this.#listeners) listener();
  }
}

interface RevealStep {
  readonly folder: Uint8Array;
  /** What of the folder must be in view. */
  readonly child: Uint8Array;
}

interface LoadedLevel {
  readonly revision: string;
  readonly onlyMember: string | null;
  /** Keys below the folder. */
  readonly count: number;
  readonly level: TreeLevel;
}

/** The level with a page that was asked for at `cursor` of one of its parts. */
function grown(
  level: TreeLevel,
  part: PartName,
  cursor: string | null,
  page: LevelPart,
): TreeLevel {
  const { ahead } = level;
  if (part === "ahead" && ahead !== null) {
    // Another key was revealed meanwhile: the page belongs to nothing any more.
    if (ahead.cursor !== cursor) return { ...level, isLoading: false };
    const children = [...ahead.children, ...page.children];
    const longer = { ...ahead, children, cursor: page.cursor };
    return { ...level, ahead: longer, isLoading: false };
  }
  // The part ahead was joined meanwhile, and this page with it.
  if (level.cursor !== cursor) return { ...level, isLoading: false };
  const children = [...(cursor === null ? [] : level.children), ...page.children];
  return { ...joined({ children, cursor: page.cursor }, ahead), error: null };
}

/** Of a revision that is compacted, or of a history that a restore has taken back. */
export function isLost(error: unknown): boolean {
  if (!(error instanceof RequestError)) return false;
  return error.code === "compacted" || error.code === "future-revision";
}
