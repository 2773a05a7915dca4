// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { CodeEditorView } from "./code-editor-view.tsx";

afterEach(cleanup);

test("an editor that is locked for a while, or named anew, stays the same with its focus", () => {
  const { rerender } = render(<CodeEditorView label="Value" doc="one" />);
  const editor = screen.getByLabelText("Value");
  editor.focus();
  expect(document.activeElement).toBe(editor);
  rerender(<CodeEditorView label="Value" doc="one" readOnly />);
  expect(editor.getAttribute("aria-readonly")).toBe("true");
  rerender(<CodeEditorView label="Value as Text" doc="two" />);
  expect(screen.getByLabelText("Value as Text")).toBe(editor);
  expect(editor.getAttribute("aria-readonly")).toBeNull();
  expect(editor.textContent).toBe("two");
  expect(document.activeElement).toBe(editor);
});
