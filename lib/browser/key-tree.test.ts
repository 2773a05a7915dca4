import { describe, expect, test } from "vitest";
import { encodeBase64 } from "../schema/bytes.ts";
import type { Child, ChildrenReply } from "../schema/keys.ts";
import { encodeUtf8, formatKey } from "./key-text.ts";
import { KeyTree, type LoadChildren } from "./key-tree.ts";
import { RequestError } from "./request.ts";
import { foldersAbove, type TreeRow, typeAhead } from "./tree-rows.ts";

const b64 = (text: string) => encodeBase64(encodeUtf8(text));

/** A store of keys that answers one level at a time, as the console's API does. */
class Store {
  revision = 1;
  calls: string[] = [];
  keys: string[];
  pageChildren = 1_000;
  failing: string | null = null;
  compacted = 0;

  constructor(keys: string[]) {
    this.keys = keys;
  }

  readonly load: LoadChildren = async ({ prefix, cursor, revision }) => {
    const folder = formatKey(prefix);
    this.calls.push(`${folder}@${revision ?? "now"}${cursor === undefined ? "" : `+${cursor}`}`);
    if (folder === this.failing) throw new RequestError("unavailable", "etcd is busy.", 503);
    if (revision !== undefined && Number(revision) < this.compacted) {
      throw new RequestError("compacted", "Compacted.", 410);
    }
    return this.#reply(folder, Number(cursor ?? 0));
  };

  #reply(folder: string, from: number): ChildrenReply {
    const below = this.keys.filter((key) => key.startsWith(folder)).toSorted();
    const names = new Map<string, number>();
    for (const key of below) {
      const cut = key.indexOf("/", folder.length);
      const child = cut === -1 ? key : key.slice(0, cut + 1);
      names.set(child, (names.get(child) ?? 0) + 1);
    }
    const all = [...names].map(([key, count]): Child => {
      const isFolder = key.endsWith("/") && key !== folder;
      const name = b64(isFolder ? key.slice(folder.length, -1) : key.slice(folder.length));
      if (isFolder) return { kind: "folder", key: b64(key), name, count };
      const meta = { key: b64(key), createRevision: "1", modRevision: "1", version: "1" };
      return { kind: "key", key: b64(key), name, meta: { ...meta, lease: "0", sizeBytes: null } };
    });
    const end = from + this.pageChildren;
    return {
      revision: String(this.revision),
      count: below.length,
      children: all.slice(from, end),
      cursor: end < all.length ? String(end) : null,
    };
  }
}

function drawing(rows: readonly TreeRow[]): string[] {
  return rows.map((row) => {
    const indent = "  ".repeat(row.depth);
    if (row.kind === "folder") {
      return `${indent}${row.isOpen ? "-" : "+"}${atob(row.name)}/ ${row.count}`;
    }
    return row.kind === "key" ? `${indent}${atob(row.name)}` : `${indent}(${row.kind})`;
  });
}

function treeOver(store: Store, revision?: string): KeyTree {
  return new KeyTree(store.load, encodeUtf8("/"), revision);
}

describe("tree of keys", () => {
  test("one level is loaded at a time, and all at the revision of the first", async () => {
    const store = new Store(["a", "a/b/c", "a/d", "x"]);
    const tree = treeOver(store);
    await tree.refresh();
    store.revision = 9;
    await tree.openFolder(b64("a/"));
    expect(drawing(tree.view().rows)).toEqual(["a", "-a/ 2", "  +b/ 1", "  d", "x"]);
    expect(store.calls).toEqual(["@now", "a/@1"]);
  });

  test("a closed folder opens again without asking", async () => {
    const store = new Store(["a/b"]);
    const tree = treeOver(store);
    await tree.refresh();
    await tree.openFolder(b64("a/"));
    tree.closeFolder(b64("a/"));
    await tree.openFolder(b64("a/"));
    expect(store.calls).toHaveLength(2);
    expect(drawing(tree.view().rows)).toEqual(["-a/ 1", "  b"]);
  });

  test("a big folder goes on behind the page before, and its rows know when all are there", async () => {
    const store = new Store(["k1", "k2", "k3"]);
    store.pageChildren = 2;
    const tree = treeOver(store);
    await tree.refresh();
    expect(drawing(tree.view().rows)).toEqual(["k1", "k2", "(more)"]);
    expect(tree.view().rows[0]).toMatchObject({ position: 1, size: -1 });
    await tree.loadMore("");
    expect(drawing(tree.view().rows)).toEqual(["k1", "k2", "k3"]);
    expect(tree.view().rows[2]).toMatchObject({ position: 3, size: 3 });
  });

  test("a refresh keeps what is open, closes what is gone, and shows the newer revision", async () => {
    const store = new Store(["a/1", "b/1"]);
    const tree = treeOver(store);
    await tree.refresh();
    await tree.openFolder(b64("a/"));
    await tree.openFolder(b64("b/"));
    store.keys = ["a/1", "a/2"];
    store.revision = 5;
    await tree.refresh();
    expect(drawing(tree.view().rows)).toEqual(["-a/ 2", "  1", "  2"]);
    expect(tree.view()).toMatchObject({ revision: "5", count: 2, isRefreshing: false });
    expect(store.calls.slice(-3)).toEqual(["@now", "a/@5", "b/@5"]);
  });

  test("a refresh loads as many pages as were there", async () => {
    const store = new Store(["k1", "k2", "k3", "k4", "k5"]);
    store.pageChildren = 2;
    const tree = treeOver(store);
    await tree.refresh();
    await tree.loadMore("");
    await tree.refresh();
    expect(drawing(tree.view().rows)).toEqual(["k1", "k2", "k3", "k4", "(more)"]);
  });

  test("a level that fails says so in its place and can be tried again", async () => {
    const store = new Store(["a/1"]);
    const tree = treeOver(store);
    await tree.refresh();
    store.failing = "a/";
    await tree.openFolder(b64("a/"));
    expect(drawing(tree.view().rows)).toEqual(["-a/ 1", "  (failed)"]);
    store.failing = null;
    await tree.loadMore(b64("a/"));
    expect(drawing(tree.view().rows)).toEqual(["-a/ 1", "  1"]);
  });

  test("when its revision is compacted the tree goes to the present, but never leaves the past", async () => {
    const store = new Store(["a/1"]);
    const present = treeOver(store);
    const past = treeOver(store, "1");
    await present.refresh();
    await past.refresh();
    store.compacted = 2;
    store.revision = 3;
    await present.openFolder(b64("a/"));
    expect(present.view().revision).toBe("3");
    await past.openFolder(b64("a/"));
    expect(drawing(past.view().rows)).toEqual(["-a/ 1", "  (failed)"]);
  });

  test("revealing a key opens every folder above it", async () => {
    const store = new Store(["/r/p/k", "/r/q"]);
    const tree = treeOver(store);
    await tree.refresh();
    await tree.reveal(encodeUtf8("/r/p/k"), true);
    expect(drawing(tree.view().rows)).toEqual(["-/ 2", "  -r/ 2", "    -p/ 1", "      k", "    q"]);
  });
});

test("folders above a key follow the separator, empty names included", () => {
  const above = (key: string, separator: string) =>
    foldersAbove(encodeUtf8(key), encodeUtf8(separator)).map(formatKey);
  expect(above("//a/b", "/")).toEqual(["/", "//", "//a/"]);
  expect(above("a::b::", "::")).toEqual(["a::", "a::b::"]);
  expect(above("plain", "/")).toEqual([]);
});

test("typing jumps to the next name, a repeated letter steps on, and it goes around", () => {
  const labels = ["alpha", "beta", "bravo", "gamma"];
  expect(typeAhead(labels, 0, "b")).toBe(1);
  expect(typeAhead(labels, 1, "bb")).toBe(2);
  expect(typeAhead(labels, 1, "br")).toBe(2);
  expect(typeAhead(labels, 3, "a")).toBe(0);
  expect(typeAhead(labels, 0, "z")).toBeUndefined();
});
