// @vitest-environment happy-dom
import { cleanup, render, screen, within } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { encodeUtf8 } from "@/lib/browser/key-text";
import { encodeBase64 } from "@/lib/schema/bytes";
import type { KeyMeta, SummaryReply } from "@/lib/schema/keys";
import { FolderFacts, FolderLists, FolderScope } from "./folder-summary.tsx";

afterEach(cleanup);

function meta(key: string, modRevision: string, sizeBytes: number | null = null): KeyMeta {
  const at = { createRevision: "1", modRevision, version: "1", lease: "0" };
  return { key: encodeBase64(encodeUtf8(key)), ...at, sizeBytes };
}

const WHOLE: SummaryReply = {
  revision: "99",
  onlyMember: null,
  count: 2,
  listed: 2,
  leased: 0,
  recent: [meta("a/b", "40"), meta("a/c", "7")],
  oldest: meta("a/c", "7"),
  weighed: 2,
  valueBytes: 3_000,
  largest: [meta("a/c", "7", 2_000), meta("a/b", "40", 1_000)],
};
const PART: SummaryReply = { ...WHOLE, count: 5_000, listed: 1_000, weighed: 100 };

function facts(summary: SummaryReply): (string | undefined)[] {
  render(<FolderFacts summary={summary} />);
  return screen.getAllByRole("definition").map((fact) => fact.textContent?.trim());
}

test("of all keys the figures are the last word", () => {
  expect(facts(WHOLE)).toEqual(["2", "40", "7", "None", "2.93 KiB"]);
  expect(render(<FolderScope summary={WHOLE} />).container.textContent).toBe("");
});

test("of some keys each figure says on which side the truth lies", () => {
  expect(facts(PART)).toEqual([
    "5,000",
    "40 or later",
    "7 or earlier",
    "None seen",
    "2.93 KiB or more",
  ]);
  const scope = render(<FolderScope summary={PART} />).container.textContent;
  expect(scope).toContain("only the first 1,000 keys were looked at");
  expect(scope).toContain("values of the first 100 keys");
  const sizes = render(<FolderScope summary={{ ...PART, listed: 5_000 }} />).container.textContent;
  expect(sizes).not.toContain("looked at");
});

test("keys are named from the folder on, and lead to their page", () => {
  const address = { cluster: "local", separator: encodeUtf8("/") };
  const location = {
    address,
    problem: null,
    go: () => undefined,
    show: () => undefined,
    close: () => undefined,
  };
  render(<FolderLists location={location} folder={encodeUtf8("a/")} summary={WHOLE} />);
  const recent = within(screen.getByRole("region", { name: "Changed last" }));
  const links = recent.getAllByRole("link");
  expect(links.map((link) => link.textContent)).toEqual(["brevision 40", "crevision 7"]);
  expect(links[0]?.getAttribute("href")).toBe("/keys?cluster=local&key=a/b");
  const largest = within(screen.getByRole("region", { name: "Largest values" }));
  expect(largest.getAllByRole("link")[0]?.textContent).toBe("c1.95 KiB");
});
