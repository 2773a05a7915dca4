// @vitest-environment happy-dom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import type { DeleteEnd } from "@/lib/browser/delete-prefix";
import { DeleteEnded } from "./delete-ended.tsx";
import { WriteFailureNotice } from "./write-failure-notice.tsx";

afterEach(cleanup);

test.each(["saved", "created", "deleted"] as const)(
  "a key is called not %s only where that is known",
  (aim) => {
    const failure = { isUnknown: false, text: "Permission denied" };
    const { rerender } = render(<WriteFailureNotice failure={failure} aim={aim} />);
    expect(screen.getByRole("alert").textContent).toBe(`Not ${aim}Permission denied`);
    rerender(<WriteFailureNotice failure={{ ...failure, isUnknown: true }} aim={aim} />);
    expect(screen.getByRole("alert").textContent).toMatch(
      `Not known whether it was ${aim}Permission denied`,
    );
  },
);

test("the rest of a stopped delete is untouched only where that is known", () => {
  const error = { code: "timeout", message: "No answer in time" } as const;
  const end: DeleteEnd = { type: "failed", deleted: 8_000, total: 20_000, error };
  const { rerender } = render(<DeleteEnded end={end} />);
  expect(screen.getByRole("alert").textContent).toContain(
    "8,000 of 20,000 keys are gone, the rest is untouched. No answer in time",
  );
  rerender(<DeleteEnded end={{ ...end, error: { ...error, mayHaveHappened: true } }} />);
  const text = screen.getByRole("alert").textContent;
  expect(text).toContain("At least 8,000 of 20,000 keys are gone: the last step may or may not");
  expect(text).not.toContain("untouched");
});
