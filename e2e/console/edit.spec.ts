import { readFileSync } from "node:fs";
import type { Locator, Page } from "@playwright/test";
import { fact, keyAddress, saveEdit, tree, writeValue } from "../harness/console-pages.ts";
import { expect, LEASE_SECONDS, test } from "../harness/console-test.ts";

test("a save shows the difference first, then writes exactly the bytes and keeps the lease", async ({
  page,
  client,
  folder,
}) => {
  const key = `${folder}leased`;
  const lease = await client.grant(LEASE_SECONDS);
  // Line ends, a tab, a byte order mark and no newline at the end: an editor could touch them all.
  const before = "\ufeffone\r\ntwo\n\tthree \r";
  await client.put(key, before, lease);
  await page.goto(keyAddress(key));
  await expect(fact(page, "Lease")).toContainText("left");
  const editor = page.getByLabel("Value as Text");
  await editor.click();
  await editor.press("ControlOrMeta+End");
  await page.keyboard.insertText("four ✓");
  await page.getByRole("button", { name: "Review and save" }).click();
  const dialog = page.getByRole("dialog", { name: "Review and save" });
  await expect(dialog).toContainText("It keeps its lease.");
  await expect(dialog.getByLabel("Yours")).toContainText("four ✓");
  expect((await client.get(key))?.version).toBe(1);
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(fact(page, "Version")).toHaveText("2");

  const kv = await client.get(key);
  expect(kv?.value.toString("utf8")).toBe(`${before}four ✓`);
  expect(kv?.lease).toBe(lease);
  expect(await client.leaseKeys(lease)).toEqual([key]);
});

test("JSON is recognised, formatted and judged, and what is invalid says why", async ({
  page,
  client,
  folder,
}) => {
  const key = `${folder}config.json`;
  await client.put(key, '{ "id": 1 }');
  await page.goto(keyAddress(key));
  const editor = page.getByLabel("Value as JSON");
  await expect(page.getByText(/Valid JSON/)).toBeVisible();
  // A number that JavaScript cannot hold and a name that stands twice must survive formatting.
  await writeValue(editor, '{"id":12345678901234567890,"a":1.0,"a":[]}');
  await page.getByRole("button", { name: "Format" }).click();
  await saveEdit(page);
  const formatted = '{\n  "id": 12345678901234567890,\n  "a": 1.0,\n  "a": []\n}';
  expect((await client.get(key))?.value.toString("utf8")).toBe(formatted);

  await writeValue(editor, '{"id": 1,}');
  await expect(page.getByRole("alert").filter({ hasText: /line 1/i })).toBeVisible();
  await expect(page.getByRole("button", { name: "Format" })).toBeDisabled();
  await expect(page.getByRole("button", { name: "Review and save" })).toBeDisabled();
  await page.getByRole("button", { name: "Discard" }).click();
  await expect(editor).toContainText("12345678901234567890");
});

test("JSON on one line is spread out to be read and saved on one line again", async ({
  page,
  client,
  folder,
}) => {
  const key = `${folder}compact.json`;
  await client.put(key, '{"a":[1,2],"b":{"c":"d"}}');
  await page.goto(keyAddress(key));
  const editor = page.getByLabel("Value as JSON");
  await expect(editor).toContainText('"c": "d"');
  await writeValue(editor, '{\n  "a": [1, 2],\n  "b": "changed"\n}');
  await saveEdit(page);
  expect((await client.get(key))?.value.toString("utf8")).toBe('{"a":[1,2],"b":"changed"}');
});

test("JSON as other programs write it keeps its spaces and its last line end", async ({
  page,
  client,
  folder,
}) => {
  const python = `${folder}python.json`;
  const tabs = `${folder}tabs.json`;
  await client.put(python, '{"a": [1, 2], "b": {"c": "d"}}\n');
  await client.put(tabs, '{\n\t"a": 1,\n\t"b": [1,2]\n}\n');
  await page.goto(keyAddress(python));
  await writeValue(page.getByLabel("Value as JSON"), '{\n  "a": [1, 3]\n}');
  await saveEdit(page);
  expect((await client.get(python))?.value.toString("utf8")).toBe('{"a": [1, 3]}\n');
  await page.goto(keyAddress(tabs));
  const editor = page.getByLabel("Value as JSON");
  await editor.click();
  await editor.press("ControlOrMeta+Home");
  await editor.press("End");
  await page.keyboard.insertText('"new": 0,');
  await saveEdit(page);
  const saved = '{"new": 0,\n\t"a": 1,\n\t"b": [1,2]\n}\n';
  expect((await client.get(tabs))?.value.toString("utf8")).toBe(saved);
});

test("a value goes to a file and comes from one without losing a byte", async ({
  page,
  client,
  folder,
}) => {
  const key = `${folder}blob.bin`;
  const before = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
  await client.put(key, before);
  await page.goto(keyAddress(key));
  await expect(page.getByLabel("Value as Hex")).toBeVisible();
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download the value" }).click();
  const file = await download;
  expect(file.suggestedFilename()).toBe("blob.bin");
  expect(readFileSync(await file.path())).toEqual(before);

  const after = Buffer.concat([Buffer.from([0xff, 0x0d, 0x0a, 0x00]), before]);
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Replace the value with a file" }).click();
  const name = "new.bin";
  const mimeType = "application/octet-stream";
  await (await chooser).setFiles({ name, mimeType, buffer: after });
  expect((await client.get(key))?.value).toEqual(before);
  await saveEdit(page);
  expect((await client.get(key))?.value).toEqual(after);

  const second = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Replace the value with a file" }).click();
  await (await second).setFiles({ name, mimeType, buffer: Buffer.alloc(2_000_000) });
  await expect(page.getByText("The file is too large").first()).toBeVisible();
  await expect(page.getByRole("button", { name: "Review and save" })).toHaveCount(0);
});

test("a key of 20,000 bytes is opened by its address, edited, and left for its watch", async ({
  page,
  client,
  folder,
}) => {
  const key = `${folder}${"long/".repeat(100)}${"n".repeat(20_000)}`;
  await client.put(key, "before");
  await page.goto(keyAddress(key));
  await writeValue(page.getByLabel("Value as Text"), "after");
  await saveEdit(page);
  expect((await client.get(key))?.value.toString("utf8")).toBe("after");
  await page.getByRole("main").getByRole("link", { name: "Watch" }).click();
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
});

test("a binary value is shown and edited as hex, byte for byte", async ({
  page,
  client,
  folder,
}) => {
  const key = `${folder}binary`;
  const before = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
  await client.put(key, before);
  await page.goto(keyAddress(key));
  const editor = page.getByLabel("Value as Hex");
  await expect(editor).toContainText("00 01 02");
  await editor.click();
  await editor.press("ControlOrMeta+Home");
  await page.keyboard.insertText("fe");
  await expect(page.getByText(/257 B/).first()).toBeVisible();
  await page.keyboard.insertText(" f");
  await expect(page.getByRole("alert").filter({ hasText: /./ }).first()).toBeVisible();
  await expect(page.getByRole("button", { name: "Review and save" })).toBeDisabled();
  await page.keyboard.insertText("f ");
  await saveEdit(page);
  const after = Buffer.concat([Buffer.from([0xfe, 0xff]), before]);
  expect((await client.get(key))?.value).toEqual(after);
  await page.getByRole("radio", { name: "Base64" }).click();
  await expect(page.getByLabel("Value as Base64")).toContainText(
    after.toString("base64").slice(0, 20),
  );
});

test("an edit that leads back to the same bytes saves nothing", async ({
  page,
  client,
  folder,
}) => {
  const key = `${folder}same`;
  await client.put(key, "same");
  await page.goto(keyAddress(key));
  const editor = page.getByLabel("Value as Text");
  await writeValue(editor, "other");
  await expect(page.getByRole("button", { name: "Review and save" })).toBeEnabled();
  await writeValue(editor, "same");
  await expect(page.getByRole("button", { name: "Review and save" })).toHaveCount(0);
  expect((await client.get(key))?.version).toBe(1);
});

test("an edit outlives a look at another key and the tree marks it", async ({
  page,
  client,
  folder,
}) => {
  await client.put(`${folder}a`, "first");
  await client.put(`${folder}b`, "second");
  await page.goto(keyAddress(`${folder}a`));
  await writeValue(page.getByLabel("Value as Text"), "edited");
  await tree(page).getByRole("treeitem", { name: "b" }).click();
  await expect(page.getByLabel("Value as Text")).toHaveText("second");
  const row = tree(page).getByRole("treeitem", { name: /^a/ });
  await expect(row).toContainText("not saved");
  await row.click();
  await expect(page.getByLabel("Value as Text")).toHaveText("edited");
});

async function openNewKey(page: Page): Promise<Locator> {
  await page.goto("/keys?cluster=local");
  await page.getByRole("button", { name: "New key" }).click();
  return page.getByRole("dialog", { name: "New key" });
}

test.describe(() => {
  test.use({ expectedErrors: [/status of 409/] });

  test("a key is created only if there is none", async ({ page, client, folder }) => {
    await client.put(`${folder}taken`, "theirs");
    const dialog = await openNewKey(page);
    await dialog.getByLabel("Key", { exact: true }).fill(`${folder}taken`);
    await dialog.getByRole("textbox", { name: "Value" }).click();
    await page.keyboard.insertText("mine");
    await dialog.getByRole("button", { name: "Create" }).click();
    await expect(
      dialog.getByText("A key with this name exists. Nothing was changed."),
    ).toBeVisible();
    expect((await client.get(`${folder}taken`))?.value.toString("utf8")).toBe("theirs");
    await dialog.getByLabel("Key", { exact: true }).fill(`${folder}free`);
    await dialog.getByRole("button", { name: "Create" }).click();
    await expect(dialog).toHaveCount(0);
    await expect(page.getByLabel("Value as Text")).toHaveText("mine");
    expect((await client.get(`${folder}free`))?.value.toString("utf8")).toBe("mine");
  });
});

test("a key of any bytes is created with a lease of its own, and then it is opened", async ({
  page,
  client,
  folder,
}) => {
  const dialog = await openNewKey(page);
  await dialog.getByLabel("Key", { exact: true }).fill(`${folder}new\\xff`);
  await dialog.getByRole("radio", { name: "New" }).click();
  await expect(dialog.getByRole("button", { name: "Create" })).toBeDisabled();
  await dialog.getByLabel("Time to live in seconds").fill(String(LEASE_SECONDS));
  await expect(dialog).toContainText("Deleted in 1 h unless something keeps its lease alive.");
  await dialog.getByRole("button", { name: "Create" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole("region", { name: `Key ${folder}new\\xff` })).toBeVisible();
  await expect(fact(page, "Lease")).toContainText("left");
  const key = Buffer.concat([Buffer.from(`${folder}new`), Buffer.from([0xff])]);
  const { lease } = (await client.get(key)) ?? {};
  expect(await client.leaseKeys(lease ?? 0n)).toHaveLength(1);
});

test("a key is created on a lease that there is", async ({ page, client, folder }) => {
  const lease = await client.grant(LEASE_SECONDS);
  await client.put(`${folder}first`, "1", lease);
  const dialog = await openNewKey(page);
  await dialog.getByLabel("Key", { exact: true }).fill(`${folder}beside`);
  await dialog.getByRole("radio", { name: "Existing" }).click();
  await dialog.getByLabel("Lease id in hex").fill(lease.toString(16));
  await expect(dialog).toContainText("left of 1 h, with 1 key on it now.");
  await dialog.getByRole("button", { name: "Create" }).click();
  await expect(dialog).toHaveCount(0);
  expect((await client.get(`${folder}beside`))?.lease).toBe(lease);
});

test("a key is deleted alone, with what hangs below its name left", async ({
  page,
  client,
  folder,
}) => {
  const key = `${folder}gone`;
  await client.put(key, "1");
  await client.put(`${key}/below`, "stays");
  await page.goto(keyAddress(key));
  const remove = async () => {
    await page.getByRole("button", { name: "More actions for this key" }).click();
    await page.getByRole("menuitem", { name: "Delete key…" }).click();
  };
  await remove();
  const dialog = page.getByRole("dialog", { name: "Delete this key?" });
  await expect(dialog).toContainText("version 1");
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(dialog).toHaveCount(0);
  expect(await client.keys(folder)).toEqual([`${key}/below`]);
  await expect(page.getByText("Select a key")).toBeVisible();
});

test("a deleted key says so, and can be created again in its place", async ({
  page,
  client,
  folder,
}) => {
  const key = `${folder}passing`;
  await client.put(key, "1");
  await page.goto(keyAddress(key));
  await expect(page.getByLabel("Value as Text")).toHaveText("1");
  await client.delete(key);
  await expect(page.getByText("This key has been deleted")).toBeVisible();
  await page.getByRole("button", { name: "Create it" }).click();
  await expect(page.getByLabel("Key", { exact: true })).toHaveValue(key);
});

test("the past can be read and not changed", async ({ page, client, folder }) => {
  const key = `${folder}history`;
  const first = await client.put(key, "old");
  await client.put(key, "new");
  await page.goto(keyAddress(key, `&revision=${first}`));
  await expect(page.getByLabel("Value as Text")).toHaveText("old");
  await page.getByLabel("Value as Text").click();
  await page.keyboard.insertText("x");
  await expect(page.getByRole("button", { name: "Review and save" })).toHaveCount(0);
  await expect(page.getByLabel("Value as Text")).toHaveText("old");
  await page.getByRole("button", { name: "Back to now" }).first().click();
  await expect(page.getByLabel("Value as Text")).toHaveText("new");
});
