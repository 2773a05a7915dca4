import { folderAddress, keyAddress, saveEdit, tree, writeValue } from "../harness/console-pages.ts";
import { expect, fillSignIn, test } from "../harness/console-test.ts";
import { Installation } from "../harness/installation.ts";
import { KeyClient } from "../harness/key-client.ts";

/** A lost quorum is to be known within seconds, and so is its return. */
const NOTICED = { timeout: 20_000 };

test.use({ expectedErrors: [/status of (401|503|504)/] });

test("without quorum keys stay readable, labelled as one member's own, and unwritable", async ({
  page,
  make,
}) => {
  test.slow();
  const own = await Installation.over(make);
  const [first, second, last] = [0, 1, 2].map((at) => own.cluster.member(at));
  const client = new KeyClient(own.memberUrl(2));
  const banner = page.getByText("The cluster has no quorum: what is shown may be old");
  try {
    await client.putAll([
      ["app/color", "blue"],
      ["app/deep/size", "9"],
    ]);
    await page.goto(`${own.url}${keyAddress("app/color")}`);
    await fillSignIn(page);
    await expect(page.getByLabel("Value as Text")).toHaveText("blue");
    await expect(banner).toHaveCount(0);
    await first?.stop("SIGKILL");
    await second?.stop("SIGKILL");

    // What was read before stays, with the warning; nothing can be changed.
    await expect(banner).toBeVisible(NOTICED);
    await expect(page.getByText("The tree was read before that")).toBeVisible();
    await expect(page.getByLabel("Value as Text")).toHaveText("blue");
    await expect(page.getByRole("button", { name: "New key" })).toBeDisabled();

    // What is read from now on is what the last member has, and says so.
    await page.goto(`${own.url}${folderAddress("app/deep/")}`);
    const name = last?.options.name ?? "";
    await expect(page.getByText(`The tree is what ${name} alone has`)).toBeVisible(NOTICED);
    await tree(page).getByRole("treeitem", { name: "size" }).click();
    await expect(page.getByLabel("Value as Text")).toHaveText("9");
    await expect(page.getByText(`Only what ${name} has; may be old`)).toBeVisible();
    await writeValue(page.getByLabel("Value as Text"), "10");
    const save = page.getByRole("button", { name: "Review and save" });
    await expect(save).toBeDisabled();
    await page.keyboard.press("ControlOrMeta+s");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await page.getByRole("textbox", { name: "Search keys by prefix" }).fill("app/");
    await expect(page.getByText(`2 keys start with this, as far as ${name} knows`)).toBeVisible();
    await page.getByRole("textbox", { name: "Search keys by prefix" }).fill("");

    first?.start();
    second?.start();
    await Promise.all([first?.ready(), second?.ready()]);
    await expect(banner).toHaveCount(0, NOTICED);
    await expect(page.getByText(`Only what ${name} has; may be old`)).toHaveCount(0, NOTICED);
    await expect(page.getByLabel("Value as Text")).toHaveText("10");
    await saveEdit(page);
    expect((await client.get("app/deep/size"))?.value.toString("utf8")).toBe("10");
  } finally {
    await page.goto("about:blank");
    client.close();
    await own.stop();
  }
});
