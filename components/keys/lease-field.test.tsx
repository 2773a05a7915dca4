// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { NO_LEASE, parseLease } from "@/lib/browser/lease-choice";
import { LeaseField } from "./lease-field.tsx";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function Form() {
  const [fields, setFields] = useState(NO_LEASE);
  const parsed = parseLease(fields);
  return <LeaseField cluster="local" fields={fields} parsed={parsed} onChange={setFields} />;
}

function shown() {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <Form />
    </QueryClientProvider>,
  );
  return {
    choose: (name: string) => fireEvent.click(screen.getByRole("radio", { name })),
    write: (label: string, value: string) =>
      fireEvent.change(screen.getByLabelText(label), { target: { value } }),
  };
}

test("a time to live says when the key goes, and what is wrong with it", () => {
  const { choose, write } = shown();
  screen.getByText("The key stays until it is deleted.");
  choose("New");
  expect(screen.queryByRole("alert")).toBeNull();
  write("Time to live in seconds", "5400");
  screen.getByText("Deleted in 1 h 30 min unless something keeps its lease alive.");
  write("Time to live in seconds", "1h");
  expect(screen.getByRole("alert").textContent).toMatch(/whole seconds/);
  choose("None");
  expect(screen.queryByRole("alert")).toBeNull();
});

test("an id is looked up once it stands, and never while it is written", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    const lease = { id: "26", ttlSeconds: 50, grantedTtlSeconds: 60, keyCount: 2, revision: "9" };
    return Response.json(lease);
  });
  const { choose, write } = shown();
  choose("Existing");
  write("Lease id in hex", "1");
  screen.getByText("Looking for the lease.");
  write("Lease id in hex", "1a");
  await screen.findByText("50 s left of 1 min, with 2 keys on it now.");
  expect(asked).toEqual(["/api/clusters/local/leases/26"]);
});

test("a lease whose keys nobody may count still says how long it lasts", async () => {
  const lease = { id: "26", ttlSeconds: 50, grantedTtlSeconds: 60, keyCount: null, revision: "9" };
  vi.stubGlobal("fetch", async () => Response.json(lease));
  const { choose, write } = shown();
  choose("Existing");
  write("Lease id in hex", "1a");
  await screen.findByText("50 s left of 1 min. How many keys are on it is not known.");
});
