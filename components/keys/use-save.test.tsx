// @vitest-environment happy-dom
import { act, cleanup, fireEvent, render, renderHook, screen } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ToastProvider } from "@/components/ui/toast";
import { dropDraft, setDraft, useDrafts } from "@/lib/browser/drafts";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { encodeBase64 } from "@/lib/schema/bytes";
import type { KeyValue } from "@/lib/schema/keys";
import { type KeyStanding, useSave } from "./use-save.ts";
import { useValueEdit } from "./use-value-edit.ts";

const KEY = encodeBase64(encodeUtf8("/a"));

function keyValue(value: string, modRevision: string): KeyValue {
  return {
    key: KEY,
    createRevision: "1",
    modRevision,
    version: "1",
    lease: "0",
    sizeBytes: value.length,
    value: encodeBase64(encodeUtf8(value)),
  };
}

function at(kv: KeyValue): KeyStanding {
  return { kv, revision: kv.modRevision, isGone: false, onlyMember: null };
}

/**
 * A key that is shown with its edit; each save is answered with the next of these: its revision, or
 * what stands there instead.
 */
function shown(
  initial: KeyStanding,
  answers: (string | { current: KeyValue | null })[],
  hold: Promise<void> = Promise.resolve(),
) {
  vi.stubGlobal("fetch", async () => {
    await hold;
    const { value: _, ...kv } = initial.kv;
    const answer = answers.shift();
    if (typeof answer !== "object") return Response.json({ revision: answer, kv });
    const error = { code: "modified", message: "changed", requestId: "", detail: answer };
    return Response.json({ error }, { status: 412 });
  });
  const refetch = () => undefined;
  const { result, rerender, unmount } = renderHook(
    (standing: KeyStanding) => {
      const edit = useValueEdit("local", standing.kv);
      return { edit, save: useSave("local", standing, edit, refetch) };
    },
    { initialProps: initial, wrapper: ToastProvider },
  );
  return {
    now: () => ({ isSaving: result.current.save.isSaving, isEdited: result.current.edit.isEdited }),
    bring: rerender,
    leave: unmount,
    write: (text: string) => act(() => result.current.edit.change(text)),
    save: () => act(async () => result.current.save.save()),
    saving: () => result.current.save,
    rebase: (onto: KeyValue) => act(() => result.current.edit.rebase(onto)),
    review: () => act(() => result.current.save.review()),
    compare: () => act(() => result.current.save.compare()),
    close: () => act(() => result.current.save.close()),
    createAgain: () => act(async () => result.current.save.overwrite(null)),
  };
}

/** What is left of edits anywhere. */
function edits(): string[] {
  const { result } = renderHook(() => useDrafts());
  return [...result.current.values()].map((draft) => draft.text);
}

const WAITS = { isSaving: true, isEdited: true };
const DONE = { isSaving: false, isEdited: false };

beforeEach(() => dropDraft("local", KEY));
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test("a save lasts until what was saved is shown", async () => {
  const key = shown(at(keyValue("one", "5")), ["7"]);
  key.write("two");
  await key.save();
  expect(key.now()).toEqual(WAITS);
  key.bring(at(keyValue("theirs", "6")));
  expect(key.now()).toEqual(WAITS);
  key.bring(at(keyValue("two", "7")));
  expect(key.now()).toEqual(DONE);
});

test("a key that is deleted right after the save is not waited for", async () => {
  const before = keyValue("one", "5");
  const key = shown(at(before), ["7"]);
  key.write("two");
  await key.save();
  key.bring({ kv: before, revision: "8", isGone: true, onlyMember: null });
  expect(key.now()).toEqual(DONE);
});

test("a key that is created again is waited for although it is gone", async () => {
  const before = keyValue("one", "5");
  const key = shown({ kv: before, revision: "6", isGone: true, onlyMember: null }, ["7"]);
  key.write("two");
  await key.createAgain();
  expect(key.now()).toEqual(WAITS);
  key.bring(at(keyValue("two", "7")));
  expect(key.now()).toEqual(DONE);
});

test("each save is done, also when the watch brings it before the reply", async () => {
  const key = shown(at(keyValue("one", "5")), ["7", "9"]);
  for (const [text, revision] of [
    ["two", "7"],
    ["three", "9"],
  ] as const) {
    key.write(text);
    key.bring(at(keyValue(text, revision)));
    await key.save();
    expect(key.now()).toEqual(DONE);
  }
});

test("a save that has arrived is not awaited again at an earlier revision", async () => {
  const key = shown(at(keyValue("one", "5")), ["150"]);
  key.write("two");
  await key.save();
  key.bring(at(keyValue("two", "150")));
  expect(key.now()).toEqual(DONE);
  key.bring({ kv: keyValue("one", "5"), revision: "100", isGone: false, onlyMember: null });
  key.write("newer");
  expect(key.now()).toEqual({ isSaving: false, isEdited: true });
  key.bring({ kv: keyValue("one", "5"), revision: "151", isGone: false, onlyMember: null });
  expect(edits()).toEqual(["newer"]);
});

test("no edit stays of a key that is left while its save is awaited", async () => {
  const key = shown(at(keyValue("one", "5")), ["7"]);
  key.write("two");
  await key.save();
  expect(edits()).toEqual(["two"]);
  key.leave();
  expect(edits()).toEqual([]);
});

test("no edit stays of a key that is left before its save is answered", async () => {
  const reply = Promise.withResolvers<void>();
  const key = shown(at(keyValue("one", "5")), ["7"], reply.promise);
  key.write("two");
  await key.save();
  key.leave();
  expect(edits()).toEqual(["two"]);
  reply.resolve();
  await vi.waitFor(() => expect(edits()).toEqual([]));
});

test("a save that is refused after the key was left tells so, and keeps the edit", async () => {
  const held = Promise.withResolvers<void>();
  const theirs = keyValue("theirs", "8");
  vi.stubGlobal("fetch", async () => {
    await held.promise;
    const detail = { current: theirs };
    const error = { code: "modified", message: "changed", requestId: "", detail };
    return Response.json({ error }, { status: 412 });
  });
  const standing = at(keyValue("one", "5"));
  setDraft({ cluster: "local", form: "text", text: "two", base: standing.kv });
  function Key() {
    const edit = useValueEdit("local", standing.kv);
    const { save } = useSave("local", standing, edit, () => undefined);
    return (
      <button type="button" onClick={save}>
        Save
      </button>
    );
  }
  const page = (key: ReactNode) => <ToastProvider>{key}</ToastProvider>;
  const { rerender } = render(page(<Key />));
  fireEvent.click(screen.getByRole("button"));
  rerender(page(null));
  held.resolve();
  await screen.findByText("Not saved");
  screen.getByText("/a: It has changed at revision 8. Your edit is kept.");
  expect(edits()).toEqual(["two"]);
});

test("what was edited further after the key was left stays", async () => {
  const reply = Promise.withResolvers<void>();
  const base = keyValue("one", "5");
  const key = shown(at(base), ["7"], reply.promise);
  key.write("two");
  await key.save();
  key.leave();
  setDraft({ cluster: "local", form: "text", text: "three", base });
  await act(async () => {
    reply.resolve();
    await new Promise((resolve) => setTimeout(resolve, 50));
  });
  expect(edits()).toEqual(["three"]);
});

test("an edit that went on from a refusal is ahead of the watch, not overrun by it", () => {
  const before = keyValue("one", "5");
  const key = shown(at(before), []);
  key.write("mine");
  key.rebase(keyValue("theirs", "8"));
  for (const standing of [
    at(before),
    { kv: before, revision: "7", isGone: true, onlyMember: null },
  ]) {
    key.bring(standing);
    key.review();
    expect(key.saving()).toMatchObject({ isReviewing: true, conflict: null });
  }
  const later = keyValue("later", "9");
  key.bring(at(later));
  key.review();
  expect(key.saving()).toMatchObject({ isReviewing: false, conflict: { theirs: later } });
});

test("an edit whose key a restore has taken back, or away, is overrun", () => {
  const key = shown(at(keyValue("one", "150")), []);
  key.write("mine");
  const back = keyValue("old", "90");
  key.bring(at(back));
  key.review();
  expect(key.saving()).toMatchObject({ isReviewing: false, conflict: { theirs: back } });
  for (const revision of ["100", "150"]) {
    key.bring({ kv: keyValue("one", "150"), revision, isGone: true, onlyMember: null });
    key.review();
    expect(key.saving()).toMatchObject({ isReviewing: false, conflict: { theirs: null } });
  }
});

test("an edit that went on from a refusal is overrun by a restore to before it", () => {
  const key = shown(at(keyValue("one", "100")), []);
  key.write("mine");
  key.rebase(keyValue("theirs", "150"));
  key.write("mine and more");
  const back = keyValue("old", "90");
  key.bring(at(back));
  key.review();
  expect(key.saving()).toMatchObject({ isReviewing: false, conflict: { theirs: back } });
});

test("an edit is not overrun by what one member alone has of before", () => {
  const key = shown(at(keyValue("one", "150")), []);
  key.write("mine");
  key.bring({ ...at(keyValue("old", "90")), onlyMember: "1" });
  key.review();
  expect(key.saving()).toMatchObject({ isReviewing: true, conflict: null });
});

test("a question stays about what it was opened with, and is asked anew of what came since", () => {
  const [first, second] = [keyValue("theirs", "120"), keyValue("later", "121")];
  const key = shown(at(keyValue("one", "100")), []);
  key.write("mine");
  key.bring(at(first));
  key.review();
  expect(key.saving()).toMatchObject({ conflict: { theirs: first }, later: null });
  key.bring(at(second));
  expect(key.saving()).toMatchObject({ conflict: { theirs: first }, later: { theirs: second } });
  key.compare();
  expect(key.saving()).toMatchObject({ conflict: { theirs: second }, later: null });
  key.bring({ kv: second, revision: "122", isGone: true, onlyMember: null });
  expect(key.saving()).toMatchObject({ conflict: { theirs: second }, later: { theirs: null } });
  const back = keyValue("old", "90");
  key.bring(at(back));
  expect(key.saving()).toMatchObject({ conflict: { theirs: second }, later: { theirs: back } });
});

test("what the watch brings of before a refusal is not later than it", async () => {
  const theirs = keyValue("theirs", "8");
  const key = shown(at(keyValue("one", "5")), [{ current: theirs }]);
  key.write("mine");
  key.review();
  await key.save();
  for (const revision of ["5", "7", "8"]) {
    key.bring(at(keyValue("theirs", revision)));
    expect(key.saving()).toMatchObject({ conflict: { theirs }, later: null });
  }
  const later = keyValue("later", "9");
  key.bring(at(later));
  expect(key.saving()).toMatchObject({ conflict: { theirs }, later: { theirs: later } });
});

test("a refusal because the key is gone stands until another is there", async () => {
  const before = keyValue("one", "5");
  const key = shown(at(before), [{ current: null }]);
  key.write("mine");
  key.review();
  await key.save();
  expect(key.saving()).toMatchObject({ conflict: { theirs: null }, later: null });
  key.bring({ kv: before, revision: "8", isGone: true, onlyMember: null });
  expect(key.saving()).toMatchObject({ conflict: { theirs: null }, later: null });
  const again = keyValue("again", "9");
  key.bring(at(again));
  expect(key.saving()).toMatchObject({ conflict: { theirs: null }, later: { theirs: again } });
});

test("a dialog whose save is under way stays until that is told", async () => {
  const reply = Promise.withResolvers<void>();
  const key = shown(at(keyValue("one", "5")), ["7"], reply.promise);
  key.write("two");
  key.review();
  await key.save();
  key.close();
  expect(key.saving().isReviewing).toBe(true);
  reply.resolve();
  await vi.waitFor(() => expect(key.saving().isReviewing).toBe(false));
});
