import type { Locator, Page } from "@playwright/test";
import { keyAddress, saveEdit, writeValue } from "../harness/console-pages.ts";
import { expect, fillSignIn, test } from "../harness/console-test.ts";
import { Installation } from "../harness/installation.ts";
import { KeyClient } from "../harness/key-client.ts";

const UNAVAILABLE = /status of (401|503|504)/;
/** A member that is gone is to be known within seconds. */
const NOTICED = { timeout: 15_000 };

function members(page: Page): Locator {
  return page
    .getByRole("region", { name: "Members" })
    .or(page.locator("[aria-labelledby=members]"));
}

function rows(page: Page): Locator {
  return members(page).locator("tbody tr");
}

function quorum(page: Page): Locator {
  return page.locator("[aria-labelledby=quorum]");
}

function health(page: Page): Locator {
  return page.locator("[aria-labelledby=verdict]");
}

test("three members, one leader, their versions, sizes and terms", async ({ page, make }) => {
  await page.goto("/overview");
  await expect(rows(page)).toHaveCount(3);
  await expect(rows(page).getByText("Leader", { exact: true })).toHaveCount(1);
  await expect(rows(page).getByText("Follower", { exact: true })).toHaveCount(2);
  await expect(rows(page).getByText("Up", { exact: false })).toHaveCount(3);
  const version = make === "quorate" ? /\d+\.\d+\.\d+/ : /3\.5\.\d+/;
  for (const row of await rows(page).all()) {
    await expect(row).toContainText(version);
    await expect(row).toContainText(/in use/);
    await expect(row).toContainText(/Term/);
  }
  await expect(quorum(page)).toContainText("Can lose 1 of 3 members now");
  await expect(health(page)).toContainText("Healthy");
});

test("the revision moves with the cluster, without a reload", async ({ page, client, folder }) => {
  await page.goto("/overview");
  await expect(rows(page)).toHaveCount(3);
  const revision = await client.put(`${folder}tick`, "x");
  const shown = page.getByRole("banner").getByText(/^Revision [\d,]+$/);
  // Leases of other tests end in between, and move it further.
  const newest = async () => Number((await shown.innerText()).replace(/\D/g, ""));
  await expect.poll(newest).toBeGreaterThanOrEqual(revision);
});

test.describe("when members go and come back", () => {
  test.use({ expectedErrors: [UNAVAILABLE] });

  test("one lost, quorum lost, healthy again: said in time and truthfully", async ({
    page,
    make,
  }) => {
    test.slow();
    const own = await Installation.over(make);
    const [first, second] = [own.cluster.member(0), own.cluster.member(1)];
    try {
      await page.goto(`${own.url}/overview`);
      await fillSignIn(page);
      await expect(quorum(page)).toContainText("Can lose 1 of 3 members now");

      await first.stop("SIGKILL");
      const row = rows(page).filter({ hasText: new RegExp(`^${first.options.name}`) });
      await expect(row).toContainText("Unreachable", NOTICED);
      await expect(row).toContainText("Last seen");
      await expect(quorum(page)).toContainText("Cannot lose any of 2 members now", NOTICED);
      await expect(health(page)).toContainText("Degraded");
      await expect(health(page)).toContainText(`${first.options.name} is unreachable`);
      await expect(rows(page).getByText("Leader", { exact: true })).toHaveCount(1, NOTICED);

      await second.stop("SIGKILL");
      await expect(quorum(page)).toContainText("1 of 3 members left, 2 needed", NOTICED);
      await expect(health(page)).toContainText("Quorum is lost");
      // Every page says so.
      await page.getByRole("link", { name: "Keys" }).click();
      await expect(page.getByRole("banner").getByText("No quorum")).toBeVisible();
      await page.getByRole("link", { name: "Overview", exact: true }).click();

      first.start();
      second.start();
      await Promise.all([first.ready(), second.ready()]);
      await expect(quorum(page)).toContainText("Can lose 1 of 3 members now", NOTICED);
      await expect(health(page)).toContainText("Healthy", NOTICED);
      await expect(rows(page).getByText("Leader", { exact: true })).toHaveCount(1);
    } finally {
      await page.goto("about:blank");
      await own.stop();
    }
  });

  test("a member that hangs is not called healthy, and keys stay readable and writable", async ({
    page,
    make,
  }) => {
    test.slow();
    const own = await Installation.over(make);
    const client = new KeyClient(own.memberUrl(1));
    const hung = own.cluster.member(0);
    try {
      await client.put("config", "before");
      await page.goto(`${own.url}/overview`);
      await fillSignIn(page);
      await expect(quorum(page)).toContainText("Can lose 1 of 3 members now");
      hung.kill("SIGSTOP");
      const row = rows(page).filter({ hasText: new RegExp(`^${hung.options.name}`) });
      await expect(row).toContainText("No answer", NOTICED);
      await expect(quorum(page)).toContainText("Cannot lose any of 2 members now", NOTICED);
      await page.goto(`${own.url}${keyAddress("config")}`);
      await expect(page.getByLabel("Value as Text")).toHaveText("before", NOTICED);
      await writeValue(page.getByLabel("Value as Text"), "after");
      await saveEdit(page);
      expect((await client.get("config"))?.value.toString("utf8")).toBe("after");
      hung.kill("SIGCONT");
      await page.goto(`${own.url}/overview`);
      await expect(health(page)).toContainText("Healthy", NOTICED);
    } finally {
      await page.goto("about:blank");
      client.close();
      await own.stop();
    }
  });
});
