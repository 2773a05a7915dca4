import { QueryClient } from "@tanstack/react-query";
import { afterEach, describe, expect, test, vi } from "vitest";
import { type KeySnapshot, keyQuery } from "./keys.ts";

afterEach(() => vi.unstubAllGlobals());

function snapshot(revision: string, onlyMember: string | null = null): KeySnapshot {
  const meta = { key: "aw==", createRevision: "1", modRevision: revision, version: "1" };
  return { revision, onlyMember, kv: { ...meta, lease: "0", value: "dg==", sizeBytes: 1 } };
}

/** What is known of a key after a read of it, during which the cache came to hold `known`. */
async function readOver(known: KeySnapshot, read: KeySnapshot) {
  const client = new QueryClient();
  const query = keyQuery("c", new TextEncoder().encode("k"), undefined);
  vi.stubGlobal("fetch", async () => {
    client.setQueryData(query.queryKey, known);
    return Response.json(read);
  });
  await client.fetchQuery({ ...query, staleTime: 0 });
  return client.getQueryData(query.queryKey);
}

describe("a key that is read again while a watch follows it", () => {
  test("stays at the later change that the watch has brought meanwhile", async () => {
    const later = snapshot("8");
    expect(await readOver(later, snapshot("7"))).toEqual(later);
    const gone = { revision: "10", onlyMember: null, kv: null };
    expect(await readOver(gone, snapshot("9"))).toEqual(gone);
  });

  test("is as it was read when that is as late or later", async () => {
    expect(await readOver(snapshot("8"), snapshot("10"))).toEqual(snapshot("10"));
    expect(await readOver(snapshot("8"), snapshot("8", "7"))).toEqual(snapshot("8", "7"));
  });

  test("is as it was read in a cluster that was restored, whatever was known before", async () => {
    const client = new QueryClient();
    const query = keyQuery("c", new TextEncoder().encode("k"), undefined);
    client.setQueryData(query.queryKey, snapshot("1000"));
    vi.stubGlobal("fetch", async () => Response.json(snapshot("500")));
    await client.fetchQuery({ ...query, staleTime: 0 });
    expect(client.getQueryData(query.queryKey)).toEqual(snapshot("500"));
  });

  test("is as it was read when one member alone had said otherwise", async () => {
    expect(await readOver(snapshot("8", "7"), snapshot("7"))).toEqual(snapshot("7"));
  });
});
