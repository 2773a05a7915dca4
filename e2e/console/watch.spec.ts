import type { Page } from "@playwright/test";
import { events, openWatch, watchAddress } from "../harness/console-pages.ts";
import { expect, test } from "../harness/console-test.ts";
import { CutWire } from "../harness/cut-wire.ts";

const CUT =
  /ERR_(CONNECTION_(RESET|REFUSED|CLOSED)|SOCKET_NOT_CONNECTED|EMPTY_RESPONSE|INTERNET_DISCONNECTED|INCOMPLETE_CHUNKED_ENCODING)/;
/** What somebody who clicks still calls immediate, on a machine that tests something else too. */
const RESPONSIVE_MS = 1_000;

/** The keys of the events in view, oldest first, without the markers. */
async function keysInView(page: Page): Promise<string[]> {
  const cells = events(page).locator("td:nth-child(4)");
  return (await cells.allTextContents()).toReversed();
}

test("puts and deletes arrive live, each with what stood there before", async ({
  page,
  client,
  folder,
}) => {
  await client.put(`${folder}a`, "before");
  await openWatch(page, watchAddress(folder));
  await expect(page.getByText("Nothing has changed yet")).toBeVisible();
  await client.put(`${folder}a`, "after");
  await client.put(`${folder}b`, "created");
  await client.put(`${folder.slice(0, -1)}-beside`, "not watched");
  await client.delete(`${folder}a`);
  await expect(events(page)).toContainText([/Delete.*a/, /Create.*bcreated/, /Update.*aafter/]);
  await events(page).nth(2).click();
  const panel = page.getByRole("region", { name: "Event" });
  await expect(panel.getByLabel(/^Before, revision/)).toHaveText("before");
  await expect(panel.getByLabel(/^After, revision/)).toHaveText("after");
  await page.keyboard.press("ArrowUp");
  await expect(panel.getByText("Before: no such key").first()).toBeVisible();
  await page.keyboard.press("ArrowUp");
  await expect(panel.getByLabel(/^Before, revision/)).toHaveText("after");
  await expect(panel.getByText("After: deleted").first()).toBeVisible();
});

test("a pause keeps events back and going on shows them all, in order", async ({
  page,
  client,
  folder,
}) => {
  await openWatch(page, watchAddress(folder));
  await client.put(`${folder}shown`, "1");
  await expect(events(page)).toHaveCount(1);
  await page.getByRole("button", { name: "Pause" }).click();
  const names = Array.from({ length: 20 }, (_, at) => `${folder}${String(at).padStart(2, "0")}`);
  for (const name of names) await client.put(name, "x");
  await expect(page.getByText("20 waiting behind the pause")).toBeVisible();
  await expect(events(page)).toHaveCount(1);
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(events(page)).toHaveCount(21);
  expect(await keysInView(page)).toEqual([`${folder}shown`, ...names]);
});

test("a filter by text and by operation leaves out only what it names", async ({
  page,
  client,
  folder,
}) => {
  await openWatch(page, watchAddress(folder, "&only=delete"));
  await client.put(`${folder}a`, "x");
  await client.delete(`${folder}a`);
  await expect(events(page)).toContainText([/Delete/]);
  await openWatch(page, watchAddress(folder));
  await client.put(`${folder}b`, "needle here");
  await client.put(`${folder}c`, "hay");
  await client.put(`${folder}needle`, "x");
  await expect(events(page)).toHaveCount(3);
  const filter = page.getByRole("textbox", { name: "Filter by text in key or value" });
  await filter.fill("NEEDLE");
  await expect(events(page)).toHaveCount(2);
  await filter.fill("nowhere");
  await expect(page.getByText("No event fits the filter")).toBeVisible();
  await filter.press("Escape");
  await expect(events(page)).toHaveCount(3);
});

test("one kind of change is shown at once, and the others are still there behind it", async ({
  page,
  client,
  folder,
}) => {
  await openWatch(page, watchAddress(folder));
  await client.put(`${folder}a`, "first");
  await client.put(`${folder}a`, "second");
  await client.delete(`${folder}a`);
  await expect(events(page)).toHaveCount(3);
  const show = async (kind: string) => {
    await page.getByRole("combobox", { name: "Show which changes" }).click();
    await page.getByRole("option", { name: kind, exact: true }).click();
  };
  await show("Deletes");
  // What a delete took is to be seen, and can be filtered for.
  await expect(events(page)).toContainText([/Delete.*second/]);
  await client.put(`${folder}a`, "third");
  await expect(page.getByText(/^4 events/)).toBeVisible();
  await expect(events(page)).toHaveCount(1);
  await show("All changes");
  await expect(events(page)).toHaveCount(4);
  expect(await keysInView(page)).toEqual(Array.from({ length: 4 }, () => `${folder}a`));
});

test("a watch from a revision that is still to come says that it waits for it", async ({
  page,
  client,
  folder,
}) => {
  const now = await client.put(`${folder}a`, "before");
  await openWatch(page, watchAddress(folder, `&revision=${now + 3}`));
  const wanted = new Intl.NumberFormat("en-US").format(now + 3);
  await expect(page.getByText(`Waiting for revision ${wanted}`)).toBeVisible();
  await expect(page.getByText(/up to revision/)).toHaveCount(0);
  for (const value of ["early", "early too", "in time"]) await client.put(`${folder}a`, value);
  await expect(events(page)).toContainText([/in time/]);
  await expect(page.getByText("1 event, up to revision")).toBeVisible();
});

test("a form that asks for something else than is watched offers to watch that", async ({
  page,
  folder,
}) => {
  await openWatch(page, watchAddress(folder));
  await expect(page.getByRole("button", { name: "Restart" })).toBeVisible();
  await page.getByRole("combobox", { name: "Receive which operations" }).click();
  await page.getByRole("option", { name: "Deletes only" }).click();
  await page.getByRole("button", { name: "Watch", exact: true }).click();
  await expect(page).toHaveURL(/only=delete/);
  await expect(page.getByRole("button", { name: "Restart" })).toBeVisible();
});

test("a watch from a past revision tells the history first, then goes on live", async ({
  page,
  client,
  folder,
}) => {
  const from = await client.put(`${folder}a`, "1");
  await client.put(`${folder}a`, "2");
  await client.delete(`${folder}a`);
  await page.goto("/watch?cluster=local");
  await page.getByLabel("Keys that start with").fill(folder);
  await page.getByLabel("From revision").fill(String(from));
  await page.getByRole("button", { name: "Watch", exact: true }).click();
  await expect(events(page)).toContainText([/Delete/, /Update/, /Create/]);
  await client.put(`${folder}b`, "live");
  await expect(events(page)).toHaveCount(4);
});

test("a range is watched from its start up to its end, and its address says so", async ({
  page,
  client,
  folder,
}) => {
  await page.goto("/watch?cluster=local");
  await page.getByRole("radio", { name: "Range" }).click();
  await page.getByLabel("From this key on").fill(`${folder}b`);
  const end = page.getByLabel("Up to, excluded");
  await end.fill(`${folder}a`);
  await expect(page.getByText("its end must come after its start")).toBeVisible();
  await expect(page.getByRole("button", { name: "Watch", exact: true })).toBeDisabled();
  await end.fill(`${folder}d`);
  await page.getByRole("button", { name: "Watch", exact: true }).click();
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  await expect(page).toHaveURL(new RegExp(`start=${folder}b&end=${folder}d`));
  for (const name of ["a", "b", "c/deep", "d"]) await client.put(`${folder}${name}`, "x");
  await client.put(`${folder}c`, "last");
  await expect(events(page)).toHaveCount(3);
  expect(await keysInView(page)).toEqual([`${folder}b`, `${folder}c/deep`, `${folder}c`]);
});

test("a range without an end, of any bytes, is opened by its address", async ({
  page,
  client,
  folder,
}) => {
  const odd = Buffer.concat([Buffer.from(folder), Buffer.from([0xff, 0x00])]);
  const named = encodeURIComponent(`${folder}\\xff`);
  await openWatch(page, `/watch?cluster=local&start=${named}&end=${encodeURIComponent("\\x00")}`);
  await expect(page.getByLabel("From this key on")).toHaveValue(`${folder}\\xff`);
  await expect(page.getByLabel("Up to, excluded")).toHaveValue("");
  await client.put(`${folder}before`, "x");
  await client.put(odd, "odd");
  await client.put(`~${folder}`, "far behind");
  await expect(events(page)).toHaveCount(2);
  expect(await keysInView(page)).toEqual([`${folder}\\xff\\x00`, `~${folder}`]);
});

test.describe("when the wire between browser and console is cut", () => {
  test.use({ expectedErrors: [CUT] });

  test("what is written meanwhile arrives after it, exactly once", async ({
    page,
    client,
    folder,
    installation,
  }) => {
    const wire = await CutWire.to(installation.port);
    await openWatch(page, `${wire.url}${watchAddress(folder)}`);
    const names = Array.from({ length: 60 }, (_, at) => `${folder}${String(at).padStart(2, "0")}`);
    for (const name of names.slice(0, 20)) await client.put(name, "before");
    // Cut while events are on their way: some are seen, some are not.
    wire.cut();
    for (const name of names.slice(20, 40)) await client.put(name, "meanwhile");
    await expect(page.getByText("Reconnecting")).toBeVisible();
    await expect(events(page).filter({ hasText: "Connection lost" })).toHaveCount(1);
    wire.mend();
    await expect(page.getByText("Live", { exact: true })).toBeVisible();
    for (const name of names.slice(40)) await client.put(name, "after");
    await expect(page.getByText("60 events", { exact: false }).first()).toBeVisible();
    await expect(page.getByText("62 rows")).toBeVisible();
    // Only rows in view exist in the page: the list is read in three parts. Markers fit any filter.
    const seen: string[] = [];
    for (const word of ["before", "meanwhile", "after"]) {
      await page.getByRole("textbox", { name: /^Filter/ }).fill(word);
      await expect(page.getByText("22 rows")).toBeVisible();
      await expect(events(page).filter({ hasText: word })).toHaveCount(20);
      await expect(events(page).filter({ hasText: "No event was missed" })).toHaveCount(1);
      seen.push(...(await keysInView(page)));
    }
    expect(seen).toEqual(names);
    await wire.close();
  });

  test("what compaction took meanwhile is marked as a gap, and the watch goes on", async ({
    page,
    client,
    folder,
    installation,
  }) => {
    const wire = await CutWire.to(installation.port);
    await openWatch(page, `${wire.url}${watchAddress(folder)}`);
    await client.put(`${folder}a`, "seen");
    await expect(events(page)).toHaveCount(1);
    wire.cut();
    await client.put(`${folder}a`, "taken by compaction");
    const last = await client.put(`${folder}a`, "kept");
    await client.compact(last);
    wire.mend();
    const gap = events(page).filter({ hasText: /^Gap: revisions .* cannot be shown/ });
    await expect(gap).toHaveCount(1);
    await client.put(`${folder}b`, "goes on");
    await expect(events(page).filter({ hasText: "goes on" })).toHaveCount(1);
    await expect(events(page).filter({ hasText: "taken by compaction" })).toHaveCount(0);
    await wire.close();
  });
});

test("a burst of 20,000 events is counted to the last one and the page stays responsive", async ({
  page,
  client,
  folder,
}) => {
  test.slow();
  await openWatch(page, watchAddress(folder));
  const pairs = Array.from(
    { length: 20_000 },
    (_, at) => [`${folder}${at}`, `value ${at}`] as const,
  );
  const written = client.putAll(pairs);
  await expect(page.getByText(/^[\d,]+ events/)).toContainText(/\d{1,2},\d{3} events/);
  const waits: number[] = [];
  for (const name of ["Pause", "Resume", "Pause", "Resume", "Pause", "Resume"])
    waits.push(await clickTime(page, name));
  await written;
  await expect(page.getByText("20,000 events", { exact: false }).first()).toBeVisible();
  expect(median(waits)).toBeLessThan(RESPONSIVE_MS);
  await page.getByRole("textbox", { name: /^Filter/ }).fill("value 19999");
  await expect(events(page)).toHaveCount(1);
});

/** One slow moment may be the machine's own. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Infinity;
}

/**
 * Milliseconds from a click on a button until the frame that shows its effect, as far as the page
 * itself was at work: what it waited for a processor is not its own.
 */
async function clickTime(page: Page, name: string): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const threadMs = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return (metrics.find((metric) => metric.name === "ThreadTime")?.value ?? NaN) * 1_000;
  };
  const before = await threadMs();
  const waitMs = await waitTime(page, name);
  const workMs = (await threadMs()) - before;
  await session.detach();
  return Number.isNaN(workMs) ? waitMs : Math.min(waitMs, workMs);
}

function waitTime(page: Page, name: string): Promise<number> {
  return page.getByRole("button", { name }).evaluate(
    (button: HTMLElement) =>
      new Promise<number>((resolve) => {
        const pressed = button.getAttribute("aria-pressed");
        const startedAt = performance.now();
        const look = () => {
          if (button.getAttribute("aria-pressed") === pressed) requestAnimationFrame(look);
          else resolve(performance.now() - startedAt);
        };
        // As a click from outside is: behind whatever the page is busy with.
        setTimeout(() => {
          button.click();
          requestAnimationFrame(look);
        });
      }),
  );
}
