import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "./key-text.ts";
import { b64, heldTree, Store, settled } from "./key-tree-store.suite.ts";
import { RequestError } from "./request.ts";

const busy = new RequestError("unavailable", "etcd is busy.", 503);
const compacted = new RequestError("compacted", "Compacted.", 410);

describe("while a refresh is under way", () => {
  async function refreshing(keys: string[], pageChildren = 1_000) {
    const store = new Store(keys);
    store.pageChildren = pageChildren;
    const held = heldTree(store);
    void held.tree.refresh();
    await held.release("@now");
    store.revision = 5;
    void held.tree.refresh();
    return { store, ...held };
  }

  test("a page that comes after the swap is dropped and asked for again at the new revision", async () => {
    const { tree, release, waiting, shown } = await refreshing(["k1", "k2", "k3", "k4"], 2);
    void tree.loadMore("", "start");
    await release("@now");
    await release("@1+2");
    expect(tree.view().revision).toBe("5");
    expect(shown()).toEqual(["k1", "k2", "(more)"]);
    void tree.loadMore("", "start");
    expect(waiting()).toEqual(["@5+2"]);
    await release("@5+2");
    expect(shown()).toEqual(["k1", "k2", "k3", "k4"]);
  });

  test("a page that comes before the swap is shown, at the revision that is shown", async () => {
    const { tree, release, shown } = await refreshing(["k1", "k2", "k3", "k4"], 2);
    void tree.loadMore("", "start");
    await release("@1+2");
    expect(shown()).toEqual(["k1", "k2", "k3", "k4"]);
    expect(tree.view()).toMatchObject({ revision: "1", isRefreshing: true });
  });

  test("a folder that is opened meanwhile keeps its level through the swap", async () => {
    const { tree, release, waiting, shown } = await refreshing(["a/1", "b/1"]);
    void tree.openFolder(b64("a/"));
    await release("@now");
    void tree.openFolder(b64("b/"));
    await release("b/@1");
    await release("a/@5");
    expect(tree.view()).toMatchObject({ revision: "1", isRefreshing: true });
    await release("b/@5");
    await release("a/@1");
    expect(shown()).toEqual(["-a/ 1", "  1", "-b/ 1", "  1"]);
    expect(tree.view()).toMatchObject({ revision: "5", isRefreshing: false });
    expect(waiting()).toEqual([]);
  });

  test("pages that were asked for before come although it fails", async () => {
    const { store, tree, release, waiting, shown } = await refreshing(["a/1", "b", "c"], 2);
    void tree.openFolder(b64("a/"));
    void tree.loadMore("", "start");
    void tree.refresh();
    store.calls = [];
    await release("@now");
    await release("@now", busy);
    expect(shown()).toEqual(["-a/ 1", "  (loading)", "b", "(failed)"]);
    void tree.loadMore("", "start");
    expect(store.calls).toEqual([]);
    await release("a/@1");
    await release("@1+2");
    expect(shown()).toEqual(["-a/ 1", "  1", "b", "c"]);
    expect(waiting()).toEqual([]);
  });

  test("a compacted page waits for it, and says so when it fails", async () => {
    const { tree, release, waiting, shown } = await refreshing(["a/1", "b/1"]);
    void tree.openFolder(b64("a/"));
    void tree.openFolder(b64("b/"));
    await release("a/@1", compacted);
    await release("b/@1", compacted);
    expect(waiting()).toEqual(["@now"]);
    await release("@now", busy);
    expect(shown()).toEqual(["-a/ 1", "  (failed)", "-b/ 1", "  (failed)", "(failed)"]);
    void tree.loadMore(b64("a/"), "start");
    await release("a/@1", compacted);
    await release("@now");
    await release("a/@5");
    await release("b/@5");
    expect(shown()).toEqual(["-a/ 1", "  1", "-b/ 1", "  1"]);
  });
});

describe("a key that is revealed", () => {
  const names = Array.from({ length: 100 }, (_, at) => `f/k${String(at).padStart(2, "0")}`);

  async function begun(keys: string[]) {
    const store = new Store(keys);
    store.pageChildren = 15;
    const held = heldTree(store);
    void held.tree.refresh();
    await held.release("@now");
    const reveal = (key: string) => {
      void held.tree.reveal(encodeUtf8(key), true);
      return settled();
    };
    return { store, reveal, ...held, names: () => held.shown().map((row) => row.trim()) };
  }

  test("while a refresh is under way is in view after its swap too", async () => {
    const { store, tree, reveal, release, names: shown } = await begun(names);
    store.revision = 5;
    void tree.refresh();
    await reveal("f/k73");
    await release("f/@1");
    await release("@now");
    await release("f/@1 from f/k7");
    expect(shown()).toContain("k73");
    await release("f/@5");
    await release("f/@5 from f/k7");
    expect(shown()).toContain("k73");
    expect(tree.view()).toMatchObject({ revision: "5", isRefreshing: false });
  });

  test("comes at the new revision when the swap overtakes it", async () => {
    const { store, tree, reveal, release, waiting, names: shown } = await begun(names);
    await reveal("f/k73");
    await release("f/@1");
    store.revision = 5;
    void tree.refresh();
    await release("@now");
    await release("f/@5");
    await release("f/@1 from f/k7");
    await release("f/@5 from f/k7");
    expect(shown()).toContain("k73");
    expect(waiting()).toEqual([]);
  });

  test("gives way after a swap to one that was revealed later, and opens nothing again", async () => {
    const keys = [...names, "g/1"];
    const { store, tree, reveal, release, waiting, names: shown } = await begun(keys);
    await reveal("f/k73");
    await release("f/@1");
    store.revision = 5;
    void tree.refresh();
    await reveal("g/1");
    tree.closeFolder(b64("f/"));
    await release("@now");
    await release("g/@5");
    await release("g/@1");
    await release("f/@1 from f/k7");
    expect(waiting()).toEqual([]);
    expect(shown()).toEqual(["+f/ 100", "-g/ 1", "1"]);
  });

  test("waits for the first page of a folder that somebody else has opened", async () => {
    const { tree, reveal, release, names: shown } = await begun(names);
    void tree.openFolder(b64("f/"));
    await reveal("f/k73");
    await release("f/@1");
    await release("f/@1 from f/k7");
    expect(shown()).toContain("k73");
  });

  test("comes at the present when its folder is there but the revision is compacted", async () => {
    const { store, tree, reveal, release, names: shown } = await begun(names);
    void tree.openFolder(b64("f/"));
    await release("f/@1");
    store.revision = 5;
    await reveal("f/k73");
    await release("f/@1 from f/k7", compacted);
    await release("@now");
    await release("f/@5");
    await release("f/@5 from f/k7");
    expect(shown()).toContain("k73");
  });

  test("and a page that it joins before that page comes, stand there once", async () => {
    const { tree, reveal, release, names: shown } = await begun(names.map((name) => name.slice(2)));
    void tree.loadMore("", "start");
    await reveal("k17");
    await release("@1 from k1");
    await release("@1+15");
    expect(shown()).toEqual([...names.slice(0, 25).map((name) => name.slice(2)), "(more)"]);
    void tree.loadMore("", "start");
    await release("@1+25");
    expect(shown()).toEqual([...names.slice(0, 40).map((name) => name.slice(2)), "(more)"]);
  });
});
