import { events, folderAddress, openWatch, tree, watchAddress } from "../harness/console-pages.ts";
import { expect, test } from "../harness/console-test.ts";

test("the tree is walked, opened and closed with the arrow keys", async ({
  page,
  client,
  folder,
}) => {
  await client.putAll([
    [`${folder}a/1`, "one"],
    [`${folder}a/2`, "two"],
    [`${folder}b`, "bee"],
  ]);
  await page.goto(folderAddress(folder));
  await expect(tree(page).getByRole("treeitem", { level: 2 })).toHaveCount(2);
  const current = tree(page).locator("xpath=//*[@id=//*[@role='tree']/@aria-activedescendant]");
  await tree(page).focus();
  await page.keyboard.press("ArrowDown");
  await expect(current).toHaveText(/^a\//);
  await page.keyboard.press("ArrowRight");
  await expect(current).toHaveAttribute("aria-expanded", "true");
  await expect(tree(page).getByRole("treeitem", { level: 3 })).toHaveCount(2);
  await page.keyboard.press("ArrowRight");
  await expect(current).toHaveText("1");
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Value as Text")).toHaveText("one");
  await page.keyboard.press("ArrowLeft");
  await expect(current).toHaveText(/^a\//);
  await page.keyboard.press("ArrowLeft");
  await expect(tree(page).getByRole("treeitem", { level: 3 })).toHaveCount(0);
  await page.keyboard.type("b");
  await expect(current).toHaveText("b");
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Value as Text")).toHaveText("bee");
  await page.keyboard.press("Home");
  await expect(current).toHaveAttribute("aria-level", "1");
});

test("the palette opens pages and keys by name", async ({ page, client, folder }) => {
  await client.put(`${folder}palette`, "found");
  await page.goto("/overview");
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
  await page.keyboard.press("ControlOrMeta+k");
  const palette = page.getByRole("dialog", { name: "Go to a page or key" });
  await palette.getByRole("combobox").fill(`${folder}pal`);
  await palette.getByRole("option", { name: `${folder}palette` }).waitFor();
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("Value as Text")).toHaveText("found");
  await page.keyboard.press("ControlOrMeta+k");
  await palette.getByRole("combobox").fill("watch");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Choose what to watch")).toBeVisible();
  await page.keyboard.press("ControlOrMeta+k");
  await page.keyboard.press("Escape");
  await expect(palette).toHaveCount(0);
});

test("single keys lead to pages, the search and the list of shortcuts", async ({
  page,
  client,
  folder,
}) => {
  await client.put(`${folder}first`, "so that there is a tree");
  await page.goto("/overview");
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
  await page.keyboard.press("?");
  const list = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await expect(list).toContainText("Go to a page or key");
  await page.keyboard.press("Escape");
  await expect(list).toHaveCount(0);
  // One call: the second must follow the first within a second.
  await page.keyboard.type("gk");
  await expect(page).toHaveURL(/\/keys/);
  await expect(tree(page)).toBeVisible();
  await page.keyboard.press("/");
  await expect(page.getByRole("textbox", { name: "Search keys by prefix" })).toBeFocused();
  // Letters in a field are text.
  await page.keyboard.type("gw?");
  await expect(page.getByRole("textbox", { name: "Search keys by prefix" })).toHaveValue("gw?");

  await openWatch(page, watchAddress(folder));
  await page.keyboard.press("Space");
  await expect(page.getByText("Paused, still receiving")).toBeVisible();
  await client.put(`${folder}a`, "x");
  await expect(page.getByText("1 waiting behind the pause")).toBeVisible();
  await page.keyboard.press("Space");
  await expect(events(page)).toHaveCount(1);
});
