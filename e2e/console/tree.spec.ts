import { fact, folderAddress, keyAddress, tree } from "../harness/console-pages.ts";
import { expect, LEASE_SECONDS, test } from "../harness/console-test.ts";

test("a level shows its folders with exact counts, and a key and a folder of one name", async ({
  page,
  client,
  folder,
}) => {
  await client.putAll([
    [`${folder}app`, "a key"],
    [`${folder}app/one`, "1"],
    [`${folder}app/deep/two`, "2"],
    [`${folder}app/deep/three`, "3"],
    [`${folder}apple`, "4"],
    [`${folder}/empty-name`, "5"],
  ]);
  await page.goto(folderAddress(folder));
  const rows = tree(page).getByRole("treeitem", { level: 2 });
  await expect(rows).toHaveText([/^\/1 key$/, /^app$/, /^app\/3 keys$/, /^apple$/]);
  await rows.nth(2).click();
  const below = tree(page).getByRole("treeitem", { level: 3 });
  await expect(below).toHaveText([/^deep\/2 keys$/, /^one$/]);
  await expect(page.getByRole("region", { name: `Folder ${folder}app/` })).toBeVisible();
  await below.nth(0).click();
  await expect(tree(page).getByRole("treeitem", { level: 4 })).toHaveText([/^three$/, /^two$/]);
  await rows.nth(1).click();
  await expect(page.getByLabel("Value as Text")).toHaveText("a key");
});

test("keys without a leading slash and with a trailing one are told apart", async ({
  page,
  client,
  folder,
}) => {
  const bare = folder.slice(0, -1);
  await client.putAll([
    [bare, "bare"],
    [`/${bare}`, "slashed"],
    [`${bare}/`, "trailing"],
    [`//${bare}`, "twice"],
  ]);
  for (const [key, value] of [
    [bare, "bare"],
    [`/${bare}`, "slashed"],
    [`${bare}/`, "trailing"],
    [`//${bare}`, "twice"],
  ] as const) {
    await page.goto(keyAddress(key));
    await expect(page.getByRole("heading", { name: key, exact: true })).toBeVisible();
    await expect(page.getByLabel("Value as Text")).toHaveText(value);
    await expect(tree(page).getByRole("treeitem", { selected: true })).toBeVisible();
  }
});

test("a key that is not UTF-8 is shown, opened and named in the address byte for byte", async ({
  page,
  client,
  folder,
}) => {
  const key = Buffer.concat([Buffer.from(folder), Buffer.from([0xff, 0x00, 0x5c, 0xc3, 0x28])]);
  await client.put(key, "odd");
  await client.put(`${folder}\u202eevil`, "bidi");
  await page.goto(folderAddress(folder));
  const row = tree(page).getByRole("treeitem", { name: "\\xff\\x00\\\\\\xc3(" });
  await row.click();
  await expect(page.getByLabel("Value as Text")).toHaveText("odd");
  await page.reload();
  await expect(page.getByLabel("Value as Text")).toHaveText("odd");
  // A mark that would turn the text around is shown as bytes.
  await expect(tree(page).getByRole("treeitem", { name: "\\xe2\\x80\\xaeevil" })).toBeVisible();
});

test("a folder of 5,000 keys scrolls from its first to its last key", async ({
  page,
  client,
  folder,
}) => {
  const names = Array.from({ length: 5_000 }, (_, at) => `key-${String(at).padStart(4, "0")}`);
  await client.putAll(names.map((name) => [`${folder}many/${name}`, name]));
  await page.goto(folderAddress(`${folder}many/`));
  await expect(tree(page).getByRole("treeitem", { name: /^many\// })).toContainText("5,000 keys");
  await expect(tree(page).getByRole("treeitem", { name: "key-0000" })).toBeVisible();
  // Only what is in view exists.
  expect(await tree(page).getByRole("treeitem").count()).toBeLessThan(100);
  const last = tree(page).getByRole("treeitem", { name: "key-4999" });
  await expect(async () => {
    await tree(page).hover();
    await page.mouse.wheel(0, 100_000);
    await expect(last).toBeVisible({ timeout: 250 });
  }).toPass({ timeout: 30_000 });
  await expect(last).toHaveAttribute("aria-posinset", "5000");
  await last.click();
  await expect(page.getByLabel("Value as Text")).toHaveText("key-4999");
});

test("an address of a key far down in a large folder scrolls the tree to it", async ({
  page,
  client,
  folder,
}) => {
  const names = Array.from({ length: 6_000 }, (_, at) => `key-${String(at).padStart(4, "0")}`);
  await client.putAll(names.map((name) => [`${folder}far/${name}`, name]));
  await page.goto(keyAddress(`${folder}far/key-5123`));
  const selected = tree(page).getByRole("treeitem", { selected: true });
  await expect(selected).toHaveText("key-5123");
  await expect(selected).toBeInViewport();
  await expect(tree(page).getByRole("treeitem", { name: "key-5122" })).toBeVisible();
  // What lies before it is not loaded until somebody asks.
  await tree(page).getByRole("button", { name: "Load what stands in between" }).click();
  await expect(tree(page).getByRole("treeitem", { name: "key-0501" })).toBeVisible();
});

test("another separator makes another tree of the same keys", async ({ page, client, folder }) => {
  // Before all keys of other tests, which are no folders with this separator.
  const start = `!${folder.slice(0, -1)}`;
  await client.putAll([
    [`${start}:a:b`, "1"],
    [`${start}:a:c/d`, "2"],
    [`${start}:e`, "3"],
  ]);
  await page.goto("/keys?cluster=local");
  await page.getByRole("combobox", { name: "Separator of folders" }).click();
  await page.getByRole("option", { name: ":" }).click();
  await expect(page).toHaveURL(/separator=:/);
  // With its count, which no row of the tree before has.
  await tree(page)
    .getByRole("treeitem", { name: `${start}: 3 keys` })
    .click();
  const rows = tree(page).getByRole("treeitem", { level: 2 });
  await expect(rows).toHaveText([/^a:2 keys$/, /^e$/]);
  await rows.nth(0).click();
  await expect(tree(page).getByRole("treeitem", { level: 3 })).toHaveText([/^b$/, /^c\/d$/]);
});

test("a search by prefix finds keys at any depth, and an escape brings the tree back", async ({
  page,
  client,
  folder,
}) => {
  await client.putAll([
    [`${folder}net/a/1`, "x"],
    [`${folder}net/b`, "x"],
    [`${folder}network`, "x"],
    [`${folder}other`, "x"],
  ]);
  await page.goto("/keys?cluster=local");
  const search = page.getByRole("textbox", { name: "Search keys by prefix" });
  await search.fill(`${folder}net`);
  await expect(page.getByText("3 keys start with this")).toBeVisible();
  const found = page.getByRole("tree", { name: "Keys found" }).getByRole("treeitem");
  await expect(found).toHaveText([`${folder}net/a/1`, `${folder}net/b`, `${folder}network`]);
  await search.fill(`${folder}none`);
  await expect(page.getByText("No key starts with this")).toBeVisible();
  await search.press("Escape");
  await expect(tree(page)).toBeVisible();
});

test.describe(() => {
  test.use({ expectedErrors: [/status of 410/] });

  test("a folder tells what it holds, leads to the keys that stand out, and outlives compaction", async ({
    page,
    client,
    folder,
  }) => {
    await client.put(`${folder}a`, "x".repeat(2_048));
    await client.put(`${folder}b/c`, "x", await client.grant(LEASE_SECONDS));
    const last = await client.put(`${folder}b/d`, "xy");
    await page.goto(folderAddress(folder));
    await expect(fact(page, "Keys at any depth")).toHaveText("3");
    await expect(fact(page, "Newest change")).toHaveText(last.toLocaleString("en-US"));
    await expect(fact(page, "Keys on a lease")).toHaveText("1");
    await expect(fact(page, "Size of values")).toHaveText("2.00 KiB");
    const recent = page.getByRole("region", { name: "Changed last" }).getByRole("link");
    await expect(recent).toHaveText([/^b\/d/, /^b\/c/, /^a/]);
    await page.getByRole("region", { name: "Largest values" }).getByRole("link").first().click();
    await expect(page.getByRole("heading", { name: `${folder}a` })).toBeVisible();
    // The revision at which the tree stands is compacted: both go on to the newest one.
    await client.compact(await client.put(`${folder}e`, ""));
    await tree(page).getByRole("treeitem", { name: folder }).click();
    await expect(fact(page, "Keys at any depth")).toHaveText("4");
  });
});

test("an address opens its key, with the tree open down to it and the separator kept", async ({
  page,
  client,
  folder,
}) => {
  // Before all keys of other tests, which are no folders with this separator.
  const start = `!${folder.slice(0, -1)}`;
  const key = `${start}.a b&c=d?.ключ`;
  await client.put(key, "here");
  await page.goto(keyAddress(key, "&separator=."));
  await expect(page.getByLabel("Value as Text")).toHaveText("here");
  const selected = tree(page).getByRole("treeitem", { selected: true });
  await expect(selected).toHaveText("ключ");
  await page.reload();
  await expect(selected).toHaveText("ключ");
  // Back and forward move between keys.
  await client.put(`${start}.other`, "there");
  await page.goto(keyAddress(`${start}.other`, "&separator=."));
  await expect(page.getByLabel("Value as Text")).toHaveText("there");
  await page.goBack();
  await expect(page.getByLabel("Value as Text")).toHaveText("here");
});

test("the tree stands still at its revision until it is refreshed", async ({
  page,
  client,
  folder,
}) => {
  await client.put(`${folder}a`, "1");
  await page.goto(folderAddress(folder));
  const rows = tree(page).getByRole("treeitem", { level: 2 });
  await expect(rows).toHaveText(["a"]);
  await client.put(`${folder}b`, "2");
  await expect(page.getByText(/ newer$/)).toBeVisible();
  await expect(rows).toHaveText(["a"]);
  await page.getByRole("button", { name: "Go to the newest revision" }).click();
  await expect(rows).toHaveText(["a", "b"]);
});
