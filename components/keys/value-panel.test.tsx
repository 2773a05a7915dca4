// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ToastProvider } from "@/components/ui/toast";
import { TooltipProvider } from "@/components/ui/tooltip";
import { encodeUtf8 } from "@/lib/browser/key-text";
import type { ValueEdit } from "./use-value-edit.ts";
import { ValuePanel } from "./value-panel.tsx";

afterEach(cleanup);

const nothing = () => undefined;
const edit: ValueEdit = {
  form: "text",
  text: "two",
  parsed: { ok: true, bytes: encodeUtf8("two") },
  base: encodeUtf8("one"),
  baseRevision: "5",
  aheadOf: null,
  isEdited: true,
  isChanged: true,
  refusal: null,
  canShow: () => true,
  change: nothing,
  chooseForm: nothing,
  replace: nothing,
  discard: nothing,
  rebase: nothing,
};

function show(isSaving: boolean) {
  const onReview = vi.fn();
  render(
    <TooltipProvider>
      <ToastProvider>
        <ValuePanel
          keyBytes={encodeUtf8("a")}
          edit={edit}
          readOnly={false}
          refusal={null}
          isSaving={isSaving}
          onReview={onReview}
        />
      </ToastProvider>
    </TooltipProvider>,
  );
  return onReview;
}

const hex = () => screen.getByRole("radio", { name: "Hex" });

test("while a save is under way, neither the keyboard nor another form begins anew", () => {
  const onReview = show(true);
  fireEvent.keyDown(window, { key: "s", ctrlKey: true });
  expect(onReview).not.toHaveBeenCalled();
  expect(hex().hasAttribute("disabled")).toBe(true);
});

test("an edit is reviewed from the keyboard", () => {
  const onReview = show(false);
  fireEvent.keyDown(window, { key: "s", ctrlKey: true });
  expect(onReview).toHaveBeenCalledOnce();
  expect(hex().hasAttribute("disabled")).toBe(false);
});
