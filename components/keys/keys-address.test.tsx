// @vitest-environment happy-dom
import { cleanup, renderHook } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { useKeysLocation } from "./keys-address.ts";

vi.mock("next/navigation", () => ({
  useSearchParams: () => new URLSearchParams("cluster=local&key=a"),
}));

afterEach(cleanup);

test.each([
  ["/keys?cluster=local&key=a", "/keys?cluster=local"],
  ["/keys?cluster=local&separator=.&key=a", "/keys?cluster=local&separator=."],
  ["/keys?cluster=local&key=b", "/keys?cluster=local&key=b"],
  ["/keys?cluster=local&revision=3&key=a", "/keys?cluster=local&revision=3&key=a"],
  ["/watch?cluster=local&key=a", "/watch?cluster=local&key=a"],
])("a deleted key is left only where it is still open: %s", (now, after) => {
  const { result } = renderHook(() => useKeysLocation());
  window.history.pushState(null, "", now);
  result.current.close(encodeUtf8("a"));
  expect(window.location.pathname + window.location.search).toBe(after);
});

test.each([
  ["/keys?cluster=local", "/keys?cluster=local&key=a"],
  ["/keys?cluster=local&separator=.&folder=b", "/keys?cluster=local&separator=.&key=a"],
  ["/keys?cluster=local&key=b", "/keys?cluster=local&key=a"],
  ["/keys?cluster=local&revision=3", "/keys?cluster=local&revision=3"],
  ["/keys?cluster=other", "/keys?cluster=other"],
  ["/watch?cluster=local", "/watch?cluster=local"],
])("a created key is opened only where its cluster is still shown: %s", (now, after) => {
  const { result } = renderHook(() => useKeysLocation());
  window.history.pushState(null, "", now);
  result.current.show(encodeUtf8("a"));
  expect(window.location.pathname + window.location.search).toBe(after);
});
