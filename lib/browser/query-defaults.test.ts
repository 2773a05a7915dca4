import { onlineManager, QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, expect, test, vi } from "vitest";
import { queryDefaults } from "./query-defaults.ts";

afterEach(() => onlineManager.setOnline(true));

/** A query that is shown while the browser says that there is no network. */
function shownOffline(queryFn: () => Promise<string>) {
  onlineManager.setOnline(false);
  const client = new QueryClient({ defaultOptions: queryDefaults });
  const observer = new QueryObserver(client, { queryKey: ["any"], queryFn });
  const stop = observer.subscribe(() => undefined);
  return { status: () => observer.getCurrentResult().status, stop };
}

test("a query that fails offline says so", async () => {
  const query = shownOffline(() => Promise.reject(new Error("no answer")));
  await vi.waitFor(() => expect(query.status()).toBe("error"));
  query.stop();
});

test("a console that answers offline is asked", async () => {
  const query = shownOffline(async () => "here");
  await vi.waitFor(() => expect(query.status()).toBe("success"));
  query.stop();
});
