import type { Page } from "@playwright/test";
import { fact, keyAddress, writeValue } from "../harness/console-pages.ts";
import { expect, test } from "../harness/console-test.ts";

// Somebody else writes the key between the moment it was loaded and the moment it is saved.

const CONFLICT = /status of (412|409)/;
test.use({ expectedErrors: [CONFLICT] });

async function openConflict(page: Page) {
  const dialog = page.getByRole("dialog", { name: /while you edited it$/ });
  await expect(dialog).toBeVisible();
  return dialog;
}

test("both versions are shown, nothing is overwritten, and overwriting is a choice", async ({
  page,
  client,
  folder,
}) => {
  const key = `${folder}contended`;
  await client.put(key, "base");
  await page.goto(keyAddress(key));
  await writeValue(page.getByLabel("Value as Text"), "mine");
  await client.put(key, "theirs");
  await expect(page.getByText(/^Changed at revision .* while you edited it$/)).toBeVisible();
  await page.getByRole("button", { name: "Review and save" }).click();
  const dialog = await openConflict(page);
  await expect(dialog.getByLabel(/^Theirs, revision/)).toHaveText("theirs");
  await expect(dialog.getByLabel("Mine")).toHaveText("mine");
  expect((await client.get(key))?.value.toString("utf8")).toBe("theirs");
  await dialog.getByRole("button", { name: /^Overwrite revision .* with mine$/ }).click();
  await expect(dialog).toHaveCount(0);
  await expect(fact(page, "Version")).toHaveText("3");
  expect((await client.get(key))?.value.toString("utf8")).toBe("mine");
});

test("a change that comes after the review began is refused by the save itself", async ({
  page,
  client,
  folder,
}) => {
  const key = `${folder}raced`;
  await client.put(key, "base");
  await page.goto(keyAddress(key));
  await writeValue(page.getByLabel("Value as Text"), "mine");
  await page.getByRole("button", { name: "Review and save" }).click();
  await client.put(key, "theirs");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  const dialog = await openConflict(page);
  await expect(dialog.getByLabel(/^Theirs, revision/)).toHaveText("theirs");
  expect((await client.get(key))?.value.toString("utf8")).toBe("theirs");
  // Going on from theirs keeps the text, and saves onto the new revision.
  await dialog.getByRole("button", { name: "Keep editing on top of theirs" }).click();
  await writeValue(page.getByLabel("Value as Text"), "theirs and mine");
  await page.getByRole("button", { name: "Review and save" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await expect(fact(page, "Version")).toHaveText("3");
  expect((await client.get(key))?.value.toString("utf8")).toBe("theirs and mine");
});

test("a discarded edit leaves what they wrote", async ({ page, client, folder }) => {
  const key = `${folder}left`;
  await client.put(key, "base");
  await page.goto(keyAddress(key));
  await writeValue(page.getByLabel("Value as Text"), "mine");
  await client.put(key, "theirs");
  await page.getByRole("button", { name: "Compare" }).click();
  const dialog = await openConflict(page);
  await dialog.getByRole("button", { name: "Discard mine" }).click();
  await expect(page.getByLabel("Value as Text")).toHaveText("theirs");
  expect((await client.get(key))?.version).toBe(2);
});

test("a key that was deleted meanwhile comes back only when it is asked for", async ({
  page,
  client,
  folder,
}) => {
  const key = `${folder}deleted`;
  await client.put(key, "base");
  await page.goto(keyAddress(key));
  await writeValue(page.getByLabel("Value as Text"), "mine");
  await client.delete(key);
  await expect(page.getByText("The key was deleted while you edited it")).toBeVisible();
  await page.getByRole("button", { name: "Review and save" }).click();
  const dialog = await openConflict(page);
  expect(await client.get(key)).toBeUndefined();
  await dialog.getByRole("button", { name: "Create it again with mine" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(fact(page, "Version")).toHaveText("1");
  expect((await client.get(key))?.value.toString("utf8")).toBe("mine");
});
