// @vitest-environment happy-dom
import { getConfig } from "@testing-library/react";
import { expect, test } from "vitest";

test("what is awaited on the screen has nearly as long as the test itself", ({ task }) => {
  const { asyncUtilTimeout } = getConfig();
  expect(asyncUtilTimeout).toBeGreaterThanOrEqual(15_000);
  expect(asyncUtilTimeout).toBeLessThan(task.timeout);
});
