// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { encodeBase64 } from "@/lib/schema/bytes";
import { type Conflict, ConflictDialog } from "./conflict-dialog.tsx";

afterEach(cleanup);

const nothing = () => undefined;
const at = (modRevision: string): Conflict => ({
  theirs: {
    key: encodeBase64(encodeUtf8("a")),
    createRevision: "1",
    modRevision,
    version: modRevision,
    lease: "0",
    sizeBytes: 1,
    value: encodeBase64(encodeUtf8("1")),
  },
});

function question(later: Conflict | null, onShowLater: () => void = nothing) {
  return (
    <ConflictDialog
      conflict={at("120")}
      later={later}
      mine={encodeUtf8("2")}
      baseRevision="100"
      isSaving={false}
      failure={null}
      onClose={nothing}
      onRebase={nothing}
      onOverwrite={nothing}
      onDiscard={nothing}
      onReload={nothing}
      onShowLater={onShowLater}
    />
  );
}

const overwrite = () =>
  screen.getByRole<HTMLButtonElement>("button", { name: "Overwrite revision 120 with mine" });

test("what came after the question is not overwritten unless it is shown", () => {
  const { rerender } = render(question(null));
  expect(overwrite().disabled).toBe(false);
  const onShowLater = vi.fn();
  rerender(question(at("121"), onShowLater));
  screen.getByText("Changed at revision 121");
  expect(overwrite().disabled).toBe(true);
  fireEvent.click(screen.getByRole("button", { name: "Show this one" }));
  expect(onShowLater).toHaveBeenCalledOnce();
  rerender(question({ theirs: null }));
  screen.getByText("Deleted since");
  expect(overwrite().disabled).toBe(true);
});
