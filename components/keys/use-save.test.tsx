// @vitest-environment happy-dom
import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ToastProvider } from "@/components/ui/toast";
import { dropDraft } from "@/lib/browser/drafts";
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
  return { kv, revision: kv.modRevision, isGone: false };
}

/** A key that is shown with its edit; each save is answered with the next of these revisions. */
function shown(initial: KeyStanding, answers: string[]) {
  vi.stubGlobal("fetch", async () => {
    const { value: _, ...kv } = initial.kv;
    return Response.json({ revision: answers.shift(), kv });
  });
  const refetch = () => undefined;
  const { result, rerender } = renderHook(
    (standing: KeyStanding) => {
      const edit = useValueEdit("local", standing.kv);
      return { edit, save: useSave("local", standing, edit, refetch) };
    },
    { initialProps: initial, wrapper: ToastProvider },
  );
  return {
    now: () => ({ isSaving: result.current.save.isSaving, isEdited: result.current.edit.isEdited }),
    bring: rerender,
    write: (text: string) => act(() => result.current.edit.change(text)),
    save: () => act(async () => result.current.save.save()),
    createAgain: () => act(async () => result.current.save.overwrite(null)),
  };
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
  key.bring({ kv: before, revision: "8", isGone: true });
  expect(key.now()).toEqual(DONE);
});

test("a key that is created again is waited for although it is gone", async () => {
  const before = keyValue("one", "5");
  const key = shown({ kv: before, revision: "6", isGone: true }, ["7"]);
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
