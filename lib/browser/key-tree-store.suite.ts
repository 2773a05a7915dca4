// A key space that a tree is tested over, with replies at once or in the test's hand.

import { encodeBase64 } from "../schema/bytes.ts";
import type { Child, ChildrenReply } from "../schema/keys.ts";
import { encodeUtf8, formatKey } from "./key-text.ts";
import { KeyTree, type LoadChildren } from "./key-tree.ts";
import { RequestError } from "./request.ts";
import type { TreeRow } from "./tree-rows.ts";

/** The key in base64, as rows and folders have it. */
export const b64 = (text: string) => encodeBase64(encodeUtf8(text));

/** A store of keys that answers one level at a time, as the console's API does. */
export class Store {
  revision = 1;
  calls: string[] = [];
  keys: string[];
  pageChildren = 1_000;
  failing: string | null = null;
  compacted = 0;
  /** Where the cluster went back to, by a restore. */
  restored = Number.POSITIVE_INFINITY;
  onlyMember: string | null = null;

  constructor(keys: string[]) {
    this.keys = keys;
  }

  readonly load: LoadChildren = async ({ prefix, cursor, from, revision }) => {
    const folder = formatKey(prefix);
    const start = from === undefined ? "" : ` from ${formatKey(from)}`;
    const place = `${cursor === undefined ? "" : `+${cursor}`}${start}`;
    this.calls.push(`${folder}@${revision ?? "now"}${place}`);
    if (folder === this.failing) throw new RequestError("unavailable", "etcd is busy.", 503);
    if (revision !== undefined && Number(revision) < this.compacted) {
      throw new RequestError("compacted", "Compacted.", 410);
    }
    if (revision !== undefined && Number(revision) > this.restored) {
      throw new RequestError("future-revision", "A future revision.", 400);
    }
    const first = from === undefined ? "" : formatKey(from);
    const reply = this.#reply(folder, Number(cursor ?? 0), first);
    return { ...reply, revision: revision ?? reply.revision };
  };

  #reply(folder: string, at: number, first: string): ChildrenReply {
    const below = this.keys.filter((key) => key.startsWith(folder)).toSorted();
    const names = new Map<string, number>();
    for (const key of below) {
      const cut = key.indexOf("/", folder.length);
      const child = cut === -1 ? key : key.slice(0, cut + 1);
      names.set(child, (names.get(child) ?? 0) + 1);
    }
    const inOrder = [...names];
    const from = first === "" ? at : inOrder.filter(([key]) => key < first).length;
    const all = inOrder.map(([key, count]): Child => {
      const isFolder = key.endsWith("/") && key !== folder;
      const name = b64(isFolder ? key.slice(folder.length, -1) : key.slice(folder.length));
      if (isFolder) return { kind: "folder", key: b64(key), name, count };
      const meta = { key: b64(key), createRevision: "1", modRevision: "1", version: "1" };
      return { kind: "key", key: b64(key), name, meta: { ...meta, lease: "0", sizeBytes: null } };
    });
    const end = from + this.pageChildren;
    return {
      revision: String(this.revision),
      onlyMember: this.onlyMember,
      count: below.length,
      children: all.slice(from, end),
      cursor: end < all.length ? String(end) : null,
    };
  }
}

/** The tree as text, a row a line. */
export function drawing(rows: readonly TreeRow[]): string[] {
  return rows.map((row) => {
    const indent = "  ".repeat(row.depth);
    if (row.kind === "folder") {
      return `${indent}${row.isOpen ? "-" : "+"}${atob(row.name)}/ ${row.count}`;
    }
    return row.kind === "key" ? `${indent}${atob(row.name)}` : `${indent}(${row.kind})`;
  });
}

export function treeOver(store: Store, revision?: string): KeyTree {
  return new KeyTree(store.load, encodeUtf8("/"), revision);
}

/** A tree whose replies wait until the test lets them go; each is of the time it was asked at. */
export function heldTree(store: Store) {
  const held: { call: string; go: (failure?: RequestError) => Promise<void> }[] = [];
  const load: LoadChildren = (page) => {
    const reply = store.load(page);
    const call = store.calls.at(-1) ?? "";
    return new Promise((resolve, reject) => {
      const go = async (failure?: RequestError) => {
        if (failure === undefined) resolve(await reply);
        else reject(failure);
        await settled();
      };
      held.push({ call, go });
    });
  };
  /** Lets the first request of these words go that still waits. */
  const release = async (call: string, failure?: RequestError) => {
    const at = held.findIndex((request) => request.call === call);
    const [request] = at < 0 ? [] : held.splice(at, 1);
    if (request === undefined) throw new Error(`${call} is not asked for`);
    await request.go(failure);
  };
  const waiting = () => held.map(({ call }) => call);
  const tree = new KeyTree(load, encodeUtf8("/"), undefined);
  return { tree, release, waiting, shown: () => drawing(tree.view().rows) };
}

/** After everything that can go on without another reply. */
export const settled = () => new Promise<void>((resolve) => setTimeout(resolve));
