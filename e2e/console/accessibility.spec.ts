import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import {
  events,
  folderAddress,
  keyAddress,
  openWatch,
  tree,
  watchAddress,
  writeValue,
} from "../harness/console-pages.ts";
import { expect, LEASE_SECONDS, test } from "../harness/console-test.ts";

// Every page in its states, in light and dark, at both widths that the console is made for.

const DIALOG = "[role=dialog]";

/** @param part selector of what is looked at; a dialog hides the page behind it from everybody */
async function violations(page: Page, part = "html"): Promise<string[]> {
  // What fades in has no contrast yet.
  await page.evaluate(async () => {
    const passing = document
      .getAnimations()
      .filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(passing.map((animation) => animation.finished));
  });
  const found = await new AxeBuilder({ page }).include(part).analyze();
  return found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
}

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });

    test("the sign-in page", async ({ page }) => {
      await page.context().clearCookies();
      await page.goto("/login");
      await expect(page.getByRole("heading", { name: "Sign in to Quorate" })).toBeVisible();
      expect(await violations(page)).toEqual([]);
    });

    test("the overview, the palette and the list of shortcuts", async ({ page }) => {
      await page.goto("/overview");
      await expect(page.getByText("Can lose 1 of 3 members now")).toBeVisible();
      expect(await violations(page)).toEqual([]);
      await page.keyboard.press("ControlOrMeta+k");
      await expect(page.getByRole("combobox")).toBeFocused();
      expect(await violations(page, DIALOG)).toEqual([]);
      await page.keyboard.press("Escape");
      await page.keyboard.press("?");
      await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
      expect(await violations(page, DIALOG)).toEqual([]);
    });

    test("an open key, and its edit under review", async ({ page, client, folder }) => {
      const lease = await client.grant(LEASE_SECONDS);
      await client.put(`${folder}config`, '{"a": [1, "two", null]}', lease);
      await page.goto(keyAddress(`${folder}config`));
      await expect(page.getByText(/Valid JSON/)).toBeVisible();
      expect(await violations(page)).toEqual([]);
      await writeValue(page.getByLabel("Value as JSON"), '{"a": 2}');
      await page.getByRole("button", { name: "Review and save" }).click();
      await expect(page.getByRole("dialog")).toContainText("It keeps its lease.");
      expect(await violations(page, DIALOG)).toEqual([]);
    });

    test("an open folder, and its deletion", async ({ page, client, folder }) => {
      await client.put(`${folder}config`, '{"a": [1, "two", null]}');
      await client.put(`${folder}below/x`, "1");
      await page.goto(folderAddress(folder));
      await expect(tree(page).getByRole("treeitem", { level: 2 })).toHaveCount(2);
      await expect(page.getByRole("region", { name: "Largest values" })).toContainText("23 B");
      expect(await violations(page)).toEqual([]);
      await page.getByRole("button", { name: "Delete all keys in here…" }).click();
      await expect(page.getByText("will be deleted, counted at revision")).toBeVisible();
      expect(await violations(page, DIALOG)).toEqual([]);
    });

    test("the form for a new key, with what is wrong in it", async ({ page }) => {
      await page.goto("/keys?cluster=local");
      await page.getByRole("button", { name: "New key" }).click();
      const dialog = page.getByRole("dialog", { name: "New key" });
      await dialog.getByRole("radio", { name: "Existing" }).click();
      await dialog.getByLabel("Lease id in hex").fill("no id");
      await expect(dialog.getByRole("alert")).toBeVisible();
      expect(await violations(page, DIALOG)).toEqual([]);
    });

    test("the watch page with events and an open event", async ({ page, client, folder }) => {
      await page.goto("/watch?cluster=local");
      await expect(page.getByText("Choose what to watch")).toBeVisible();
      expect(await violations(page)).toEqual([]);
      await openWatch(page, watchAddress(folder));
      await client.put(`${folder}a`, "1");
      await client.put(`${folder}a`, "2");
      await client.delete(`${folder}a`);
      await expect(events(page)).toHaveCount(3);
      await events(page).nth(1).click();
      await expect(page.getByRole("region", { name: "Event" })).toBeVisible();
      expect(await violations(page)).toEqual([]);
    });
  });
}

test("everything fits at 768 pixels: nothing scrolls sideways", async ({
  page,
  client,
  folder,
}) => {
  await page.setViewportSize({ width: 768, height: 1024 });
  await client.put(`${folder}${"long".repeat(60)}`, "x".repeat(2_000));
  await client.put(`${folder}config.json`, '{"a":1}', await client.grant(LEASE_SECONDS));
  await client.put(`${folder}binary`, Buffer.alloc(64, 0xff));
  for (const address of [
    "/overview",
    keyAddress(`${folder}${"long".repeat(60)}`),
    keyAddress(`${folder}config.json`),
    keyAddress(`${folder}binary`),
    folderAddress(folder),
    watchAddress(folder),
    watchAddress(folder, "&revision=1"),
    "/watch?cluster=local&start=a&end=b",
  ]) {
    await page.goto(address);
    await expect(page.getByRole("banner")).toBeVisible();
    await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
    const overflow = await page.evaluate(() =>
      ["html", ".cm-scroller"]
        .flatMap((part) => [...document.querySelectorAll(part)])
        .map((part) => part.scrollWidth - part.clientWidth),
    );
    expect(Math.max(...overflow), address).toBe(0);
  }
  // The form for a range, which has the most fields, stands on one line.
  const form = page.getByRole("form", { name: "What to watch" });
  expect((await form.boundingBox())?.height).toBeLessThan(80);
});
