// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { Age } from "./age.tsx";
import { Notice } from "./notice.tsx";

afterEach(cleanup);

test("a notice is not read out again each second for the age in it", () => {
  render(
    <Notice tone="bad" title="Old">
      What you see was true <Age since={Date.now() - 60_000} />.
    </Notice>,
  );
  const live = screen.getByText(/ago$/).closest("[aria-live], [role=alert], [role=status]");
  expect(live?.getAttribute("aria-live")).toBe("off");
});
