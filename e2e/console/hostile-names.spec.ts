import { events, folderAddress, keyAddress, tree, watchAddress } from "../harness/console-pages.ts";
import { expect, test } from "../harness/console-test.ts";

// Keys and values are written by others. Whatever they hold is text: nothing runs, nothing is
// loaded, and the content policy has nothing to complain about, which would fail the test.

const PAYLOADS = [
  "<img src=x onerror=alert(1)>",
  "</script><script>alert(1)</script>",
  "<svg onload=alert(1)>",
  '"><iframe srcdoc="<script>parent.alert(1)</script>">',
  "javascript:alert(1)",
  "{{constructor.constructor('alert(1)')()}}",
  "__proto__",
  "&lt;b&gt;",
];

test("names and values with markup are text in every view", async ({ page, client, folder }) => {
  test.slow();
  const dialogs: string[] = [];
  page.on("dialog", (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  // With a separator that none of them holds, each is one name.
  const nameOf = (at: number) => `${folder}${PAYLOADS[at]}`;
  const first = await client.put(nameOf(0), PAYLOADS[0] ?? "");
  for (let at = 1; at < PAYLOADS.length; at++) await client.put(nameOf(at), PAYLOADS[at] ?? "");
  await client.put(nameOf(0), PAYLOADS.join("\n"));

  for (const [at, payload] of PAYLOADS.entries()) {
    if (at === 0) continue;
    await page.goto(keyAddress(nameOf(at), "&separator=~"));
    await expect(page.getByRole("heading", { name: nameOf(at), exact: true })).toBeVisible();
    await expect(page.getByLabel("Value as Text")).toHaveText(payload);
  }
  await page.getByRole("textbox", { name: "Search keys by prefix" }).fill(folder);
  const found = page.getByRole("tree", { name: "Keys found" }).getByRole("treeitem");
  await expect(found).toHaveCount(PAYLOADS.length);
  await page.keyboard.press("ControlOrMeta+k");
  await page.keyboard.type(`${folder}<`);
  await expect(page.getByRole("option", { name: nameOf(0) })).toBeVisible();
  await page.keyboard.press("Escape");

  await page.goto(folderAddress(folder));
  await expect(tree(page)).toBeVisible();
  await page.getByRole("button", { name: "Delete all keys in here…" }).click();
  await expect(page.getByRole("dialog").getByText(nameOf(0), { exact: true })).toBeVisible();
  await page.goto(watchAddress(folder, `&revision=${first}`));
  await expect(events(page)).toHaveCount(PAYLOADS.length + 1);
  await events(page).first().click();
  await expect(page.getByRole("region", { name: "Event" })).toContainText(nameOf(0));
  expect(dialogs).toEqual([]);
});
