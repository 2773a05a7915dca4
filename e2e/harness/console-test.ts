import { type Browser, test as base, expect, type Page } from "@playwright/test";
import { Installation } from "./installation.ts";
import { KeyClient } from "./key-client.ts";
import type { Make } from "./member-process.ts";
import { ADMIN_PASSWORD } from "./quorate-process.ts";

type Session = Awaited<ReturnType<typeof signIn>>;

export interface SharedOptions {
  readonly make: Make;
}

interface Shared extends SharedOptions {
  readonly installation: Installation;
  readonly session: Session;
  readonly client: KeyClient;
}

interface OwnOptions {
  /** Console errors that belong to what the test does, such as a refused request. */
  readonly expectedErrors: readonly RegExp[];
}

interface Own extends OwnOptions {
  /** A folder of the test's own, with a slash at its end and none at its start. */
  readonly folder: string;
}

/** Ends after all tests: a lease that ends deletes its key, and moves the revision under others. */
export const LEASE_SECONDS = 3_600;

const START_LIMIT_MS = 300_000;
let folders = 0;

/**
 * A test of the console in a browser that is signed in. The cluster and the console are started
 * once per project; every test keeps to its own folder of keys. A test fails when its page throws
 * or when the browser reports an error that the test did not name.
 */
export const test = base.extend<Own, Shared>({
  make: ["quorate", { scope: "worker", option: true }],
  installation: [
    async ({ make }, use) => {
      const installation = await Installation.start(make);
      await use(installation);
      await installation.stop();
    },
    { scope: "worker", timeout: START_LIMIT_MS },
  ],
  session: [
    async ({ browser, installation }, use) => use(await signIn(browser, installation.url)),
    { scope: "worker" },
  ],
  client: [
    async ({ installation }, use) => {
      const client = new KeyClient(installation.memberUrl(0));
      await use(client);
      client.close();
    },
    { scope: "worker" },
  ],
  baseURL: async ({ installation }, use) => use(installation.url),
  storageState: async ({ session }, use) => use(session),
  expectedErrors: [[], { option: true }],
  folder: async ({ make }, use) => {
    folders += 1;
    await use(`${make}-${folders}/`);
  },
  page: async ({ page, expectedErrors }, use) => {
    const complaints: string[] = [];
    collectComplaints(page, expectedErrors, complaints);
    await use(page);
    expect(complaints).toEqual([]);
  },
});

export { expect };

/** Adds to `complaints` what goes wrong in the page: exceptions and console errors. */
function collectComplaints(page: Page, expected: readonly RegExp[], complaints: string[]): void {
  page.on("pageerror", (error) => complaints.push(`${error.name}: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() !== "error" || expected.some((pattern) => pattern.test(text))) return;
    complaints.push(`${text} (${message.location().url})`);
  });
}

/** Fills in the form of the sign-in page. */
export async function fillSignIn(page: Page, password = ADMIN_PASSWORD): Promise<void> {
  await page.getByLabel("User").fill("admin");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** The cookies of a new session. */
export async function signIn(browser: Browser, url: string) {
  const context = await browser.newContext({ baseURL: url });
  const page = await context.newPage();
  await page.goto("/login");
  await fillSignIn(page);
  await page.waitForURL("**/overview*");
  const state = await context.storageState();
  await context.close();
  return state;
}
