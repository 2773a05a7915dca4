// @vitest-environment happy-dom
import { cleanup, renderHook } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { KeyTree } from "@/lib/browser/key-tree";
import { useReread } from "./use-reread.ts";
import type { Standing } from "./use-standing.ts";

afterEach(cleanup);

/** A tree that was read at revision 150 after the first of these looks. */
function looked(isPast = false) {
  const tree = new KeyTree(() => new Promise(() => undefined), encodeUtf8("/"), undefined);
  const refresh = vi.spyOn(tree, "refresh").mockResolvedValue();
  const view = { ...tree.view(), revision: "150", count: 3 };
  const standing = (revision: string, checkedAt: string, hasQuorum = true): Standing => ({
    hasQuorum,
    doubt: null,
    refusal: null,
    silence: null,
    memberName: (id) => id,
    checkedAt,
    revision,
  });
  const { rerender } = renderHook((now: Standing) => useReread(tree, view, now, isPast), {
    initialProps: standing("149", "first"),
  });
  return {
    refresh,
    look: (...now: Parameters<typeof standing>) => rerender(standing(...now)),
  };
}

test("a tree that a restore has taken back is read again", () => {
  const { refresh, look } = looked();
  look("100", "second", false);
  expect(refresh).not.toHaveBeenCalled();
  look("100", "third");
  expect(refresh).toHaveBeenCalledOnce();
});

test("a look from before the tree was read does not have it read again", () => {
  const { refresh, look } = looked();
  look("150", "second");
  look("180", "third");
  expect(refresh).not.toHaveBeenCalled();
});

test("the past stays as it was", () => {
  const { refresh, look } = looked(true);
  look("100", "second");
  expect(refresh).not.toHaveBeenCalled();
});
