import { describe, expect, test } from "vitest";
import { encodeUtf8, formatKey } from "./key-text.ts";
import { KeyTree } from "./key-tree.ts";
import { b64, drawing, Store, treeOver } from "./key-tree-store.suite.ts";
import { foldersAbove, typeAhead } from "./tree-rows.ts";

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
    await tree.loadMore("", "start");
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
    await tree.loadMore("", "start");
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
    await tree.loadMore(b64("a/"), "start");
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

  test("of a cluster that went back before its revision the tree goes to the present", async () => {
    const store = new Store(["a/1", "b/1"]);
    store.revision = 5_000;
    const present = treeOver(store);
    const chosen = treeOver(store, "5000");
    await present.refresh();
    await chosen.refresh();
    store.revision = 100;
    store.restored = 100;
    store.keys = ["a/1"];
    await present.openFolder(b64("a/"));
    expect(present.view().revision).toBe("100");
    expect(drawing(present.view().rows)).toEqual(["-a/ 1", "  1"]);
    await chosen.openFolder(b64("a/"));
    expect(drawing(chosen.view().rows)).toEqual(["-a/ 1", "  (failed)", "+b/ 1"]);
  });

  test("says which member alone was asked, until a refresh reaches the cluster again", async () => {
    const store = new Store(["a/1"]);
    const tree = treeOver(store);
    await tree.refresh();
    expect(tree.view().onlyMember).toBeNull();
    store.onlyMember = "7";
    await tree.openFolder(b64("a/"));
    expect(tree.view().onlyMember).toBe("7");
    store.onlyMember = null;
    await tree.refresh();
    expect(tree.view().onlyMember).toBeNull();
  });

  test("revealing a key opens every folder above it", async () => {
    const store = new Store(["/r/p/k", "/r/q"]);
    const tree = treeOver(store);
    await tree.refresh();
    await tree.reveal(encodeUtf8("/r/p/k"), true);
    expect(drawing(tree.view().rows)).toEqual(["-/ 2", "  -r/ 2", "    -p/ 1", "      k", "    q"]);
  });

  test("a key far down is revealed, and again after a refresh, in a few round trips", async () => {
    const store = new Store(["1/2/3/4/5/6/7/8/k"]);
    let trips = 0;
    let waiting: (() => void)[] = [];
    const tree = new KeyTree(
      async (page) => {
        // Whoever asks while nobody is answered yet shares a trip.
        if (waiting.length === 0) {
          trips++;
          setTimeout(() => {
            const answered = waiting;
            waiting = [];
            for (const answer of answered) answer();
          });
        }
        await new Promise<void>((resolve) => waiting.push(resolve));
        expect(waiting.length).toBeLessThanOrEqual(4);
        return store.load(page);
      },
      encodeUtf8("/"),
      undefined,
    );
    await tree.refresh();
    await tree.reveal(encodeUtf8("1/2/3/4/5/6/7/8/k"), true);
    expect(tree.view().rows.map(({ depth }) => depth)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(trips).toBe(1 + 2);
    store.revision = 2;
    await tree.refresh();
    expect(trips).toBe(2 * (1 + 2));
    expect(tree.view()).toMatchObject({ revision: "2", count: 1 });
    expect(tree.view().rows).toHaveLength(9);
  });

  test("what is revealed at a compacted revision comes at the present one", async () => {
    const store = new Store(["1/2/3/4/5/6/k"]);
    const tree = treeOver(store);
    await tree.refresh();
    store.revision = 3;
    store.compacted = 2;
    await tree.reveal(encodeUtf8("1/2/3/4/5/6/k"), true);
    const kinds = tree.view().rows.map(({ kind, depth }) => `${kind} ${depth}`);
    const folders = [0, 1, 2, 3, 4, 5].map((depth) => `folder ${depth}`);
    expect(kinds).toEqual([...folders, "key 6"]);
    expect(tree.view()).toMatchObject({ revision: "3", isRefreshing: false });
  });
});

describe("a key far down in a big folder", () => {
  const names = Array.from({ length: 100 }, (_, at) => `f/k${String(at).padStart(2, "0")}`);

  async function revealed(key: string, keys = names) {
    const store = new Store(keys);
    store.pageChildren = 15;
    const tree = treeOver(store);
    await tree.refresh();
    await tree.reveal(encodeUtf8(key), true);
    return { store, tree, shown: () => drawing(tree.view().rows).map((row) => row.trim()) };
  }

  test("is shown among its neighbours, behind a gap, at the price of one page", async () => {
    const { store, tree, shown } = await revealed("f/k73");
    expect(shown()).toEqual([
      "-f/ 100",
      ...names.slice(0, 15).map((name) => name.slice(2)),
      "(gap)",
      ...names.slice(70, 85).map((name) => name.slice(2)),
      "(more)",
    ]);
    expect(store.calls).toEqual(["@now", "f/@1", "f/@1 from f/k7"]);
    expect(tree.view().rows.at(-2)).toMatchObject({ position: 0, size: -1 });
    await tree.reveal(encodeUtf8("f/k73"), true);
    expect(store.calls).toHaveLength(3);
  });

  test("comes alone when too many stand between it and the name shortly before", async () => {
    const many = Array.from({ length: 30 }, (_, at) => `f/x${String.fromCharCode(97 + at)}`);
    const { store, shown } = await revealed("f/xz", [...names, ...many]);
    expect(store.calls.slice(2)).toEqual(["f/@1 from f/x", "f/@1 from f/xz"]);
    expect(shown()).toContain("xz");
    expect(shown()).not.toContain("xy");
  });

  test("joins the rest when the gap is filled, and goes on behind itself", async () => {
    const { tree, shown } = await revealed("f/k28");
    expect(shown()).toContain("(gap)");
    await tree.loadMore(b64("f/"), "start");
    expect(shown().slice(1, -1)).toEqual(names.slice(0, 35).map((name) => name.slice(2)));
    for (let page = 0; page < 5; page++) await tree.loadMore(b64("f/"), "start");
    expect(shown()).toEqual(["-f/ 100", ...names.map((name) => name.slice(2))]);
  });

  test("stays in view through a refresh, and with what was loaded behind it", async () => {
    const { store, tree, shown } = await revealed("f/k73");
    await tree.loadMore(b64("f/"), "ahead");
    expect(shown().at(-1)).toBe("k99");
    store.revision = 2;
    await tree.refresh();
    expect(shown()).toContain("(gap)");
    expect(shown().at(-1)).toBe("k99");
    store.keys = names.filter((_, at) => at < 5 || at > 71);
    await tree.refresh();
    expect(shown()).toEqual(["-f/ 33", ...store.keys.map((name) => name.slice(2))]);
  });

  test("that does not exist leaves the folder as it was", async () => {
    const { shown } = await revealed("f/k555");
    expect(shown()).not.toContain("(gap)");
  });

  test("in a folder that lies far down itself is found through both", async () => {
    const folders = names.map((name) => `${name}/z`);
    const { shown } = await revealed("f/k73/z", folders);
    expect(shown().slice(16, 22)).toEqual([
      "(gap)",
      "+k70/ 1",
      "+k71/ 1",
      "+k72/ 1",
      "-k73/ 1",
      "z",
    ]);
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
