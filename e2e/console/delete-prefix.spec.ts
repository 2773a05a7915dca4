import type { Page } from "@playwright/test";
import { folderAddress, tree } from "../harness/console-pages.ts";
import { expect, test } from "../harness/console-test.ts";

async function openPreview(page: Page, prefix: string) {
  await page.goto(folderAddress(prefix));
  await page.getByRole("button", { name: "Delete all keys in here…" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete all keys with a prefix" });
  await expect(dialog.getByText(/will be deleted, counted at revision/)).toBeVisible();
  return dialog;
}

test("the preview names count, sample and bounds, and only what it named goes", async ({
  page,
  client,
  folder,
}) => {
  const inside = Array.from({ length: 37 }, (_, at) => `${folder}foo/${100 + at}`);
  const neighbours = [
    `${folder}foo`,
    `${folder}foo-bar/x`,
    `${folder}foo.`,
    `${folder}foo0`,
    `${folder}foobar`,
    `${folder}foobar/x`,
  ];
  await client.putAll([...inside, ...neighbours].map((key) => [key, "x"]));
  const dialog = await openPreview(page, `${folder}foo/`);
  await expect(dialog.getByText("37 keys", { exact: true })).toBeVisible();
  await expect(dialog.getByRole("listitem").first()).toHaveText(`${folder}foo/100`);
  await expect(dialog.getByRole("listitem").last()).toHaveText(/^and \d+ more keys$/);
  const shown = (await dialog.getByRole("listitem").count()) - 1;
  await expect(dialog.getByRole("listitem").last()).toContainText(`${37 - shown} more`);
  await expect(dialog.getByRole("definition")).toHaveText([`${folder}foo/`, `${folder}foo0`]);
  const confirm = dialog.getByRole("button", { name: "Delete 37 keys" });
  await expect(confirm).toBeDisabled();
  await dialog.getByLabel(/^Type .* to confirm$/).fill(`${folder}foo`);
  await expect(confirm).toBeDisabled();
  expect(await client.keys(folder)).toHaveLength(43);
  await dialog.getByLabel(/^Type .* to confirm$/).fill(`${folder}foo/`);
  await confirm.click();
  await expect(dialog.getByText("37 keys deleted", { exact: true })).toBeVisible();
  expect((await client.keys(folder)).sort()).toEqual(neighbours.sort());
  await dialog.getByRole("button", { name: "Close", exact: true }).last().click();
  await expect(tree(page).getByRole("treeitem", { name: /^foo\// })).toHaveCount(0);
});

test("thousands of keys go, all of them", async ({ page, client, folder }) => {
  const keys = Array.from({ length: 3_000 }, (_, at) => `${folder}many/${at}`);
  await client.putAll(keys.map((key) => [key, "x"]));
  const dialog = await openPreview(page, `${folder}many/`);
  await dialog.getByLabel(/^Type .* to confirm$/).fill(`${folder}many/`);
  await dialog.getByRole("button", { name: "Delete 3,000 keys" }).click();
  await expect(dialog.getByText("3,000 keys deleted", { exact: true })).toBeVisible();
  expect(await client.keys(folder)).toEqual([]);
});

test.describe("when the keys change after the preview", () => {
  test.use({ expectedErrors: [/status of 412/] });

  const changes = {
    "an added key": (folder: string) => ["put", `${folder}p/3`] as const,
    "a changed key": (folder: string) => ["put", `${folder}p/1`] as const,
    "a deleted key": (folder: string) => ["delete", `${folder}p/1`] as const,
  };
  for (const [name, change] of Object.entries(changes)) {
    test(`${name} makes it refuse and look again`, async ({ page, client, folder }) => {
      await client.putAll([
        [`${folder}p/1`, "x"],
        [`${folder}p/2`, "x"],
      ]);
      const dialog = await openPreview(page, `${folder}p/`);
      await dialog.getByLabel(/^Type .* to confirm$/).fill(`${folder}p/`);
      const [act, key] = change(folder);
      await (act === "put" ? client.put(key, "new") : client.delete(key));
      const kept = await client.keys(folder);
      await dialog.getByRole("button", { name: "Delete 2 keys" }).click();
      await expect(dialog.getByText(/Nothing was deleted; look again/)).toBeVisible();
      expect(await client.keys(folder)).toEqual(kept);
      // The new preview counts anew and asks anew.
      const again = dialog.getByRole("button", { name: /^Delete \d+ keys?$/ });
      await expect(again).toHaveText(
        kept.length === 1 ? "Delete 1 key" : `Delete ${kept.length} keys`,
      );
      await expect(again).toBeDisabled();
      await dialog.getByLabel(/^Type .* to confirm$/).fill(`${folder}p/`);
      await again.click();
      await expect(dialog.getByText(/^\d+ keys? deleted$/)).toBeVisible();
      expect(await client.keys(folder)).toEqual([]);
    });
  }
});

test("a change beside the prefix does not stand in the way", async ({ page, client, folder }) => {
  await client.put(`${folder}p/1`, "x");
  const dialog = await openPreview(page, `${folder}p/`);
  await client.put(`${folder}p`, "beside");
  await client.put(`${folder}p0`, "beside");
  await dialog.getByLabel(/^Type .* to confirm$/).fill(`${folder}p/`);
  await dialog.getByRole("button", { name: "Delete 1 key" }).click();
  await expect(dialog.getByText("1 key deleted", { exact: true })).toBeVisible();
  expect(await client.keys(folder)).toEqual([`${folder}p`, `${folder}p0`]);
});
