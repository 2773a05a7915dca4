import { expect, type Locator, type Page } from "@playwright/test";

// What tests do on the console's pages again and again, in the words of its labels.

export function keyAddress(key: string, more = ""): string {
  return `/keys?cluster=local&key=${encodeURIComponent(key)}${more}`;
}

export function folderAddress(folder: string, more = ""): string {
  return `/keys?cluster=local&folder=${encodeURIComponent(folder)}${more}`;
}

export function watchAddress(prefix: string, more = ""): string {
  return `/watch?cluster=local&prefix=${encodeURIComponent(prefix)}${more}`;
}

export function tree(page: Page): Locator {
  return page.getByRole("tree", { name: "Keys" });
}

/** Replaces what stands in an editor of values. */
export async function writeValue(editor: Locator, text: string): Promise<void> {
  await editor.click();
  await editor.press("ControlOrMeta+a");
  await editor.press("Delete");
  await editor.page().keyboard.insertText(text);
}

/** Saves the edit on the page through the review of its differences. */
export async function saveEdit(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Review and save" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved at revision").first()).toBeVisible();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  // Until the page shows what was saved, the editor is locked.
  await expect(page.getByRole("button", { name: "Saving" })).toHaveCount(0);
}

/** The value of a fact below the key's name, such as "Version". */
export function fact(page: Page, name: string): Locator {
  const facts = page.getByRole("term").filter({ hasText: new RegExp(`^${name}$`) });
  return facts.locator("xpath=following-sibling::dd[1]");
}

/** Opens a watch page and waits until its stream runs: what is written from here on arrives. */
export async function openWatch(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
}

export function events(page: Page): Locator {
  return page.getByRole("grid", { name: "Events, newest first" }).getByRole("row");
}
