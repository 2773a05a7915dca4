// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, renderHook, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ToastProvider } from "@/components/ui/toast";
import { useIsPageKept } from "@/lib/browser/kept-page";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { CreateKeyDialog } from "./create-key-dialog.tsx";

afterEach(cleanup);

test("a page where a new key has been begun is kept over a sign-in", () => {
  const { result: isKept } = renderHook(() => useIsPageKept());
  const nothing = () => undefined;
  const dialog = render(
    <QueryClientProvider client={new QueryClient()}>
      <ToastProvider>
        <CreateKeyDialog
          cluster="local"
          prefix={encodeUtf8("a/")}
          onClose={nothing}
          onCreated={nothing}
          onOpenExisting={nothing}
        />
      </ToastProvider>
    </QueryClientProvider>,
  );
  expect(isKept.current).toBe(false);
  fireEvent.change(screen.getByLabelText("Key"), { target: { value: "a/b" } });
  expect(isKept.current).toBe(true);
  dialog.unmount();
  expect(isKept.current).toBe(false);
});
