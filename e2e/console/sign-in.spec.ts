import { expect, fillSignIn, test } from "../harness/console-test.ts";
import { ask } from "../harness/http-client.ts";

const NOBODY = { cookies: [], origins: [] };
const UNAUTHENTICATED = /status of 401/;
const PAGES = ["/overview", "/keys", "/watch"];
const ROUTES = [
  ["GET", "/api/clusters"],
  ["GET", "/api/clusters/local/overview"],
  ["GET", "/api/clusters/local/watch?prefix="],
  ["GET", "/api/clusters/local/leases/1"],
  ["GET", "/api/clusters/local/keys/children"],
  ["GET", "/api/clusters/local/keys/search"],
  ["GET", "/api/clusters/local/keys/summary"],
  ["GET", "/api/clusters/local/keys/value?key=YQ"],
  ["POST", "/api/clusters/local/keys/value"],
  ["PUT", "/api/clusters/local/keys/value?key=YQ"],
  ["DELETE", "/api/clusters/local/keys/value?key=YQ"],
  ["GET", "/api/clusters/local/keys/delete-preview?prefix="],
  ["POST", "/api/clusters/local/keys/delete-prefix"],
  ["GET", "/api/session"],
] as const;

test.describe("without a session", () => {
  test.use({ storageState: NOBODY, expectedErrors: [UNAUTHENTICATED] });

  test("a wrong password is refused, the right one lets in, and signing out ends it", async ({
    page,
    installation,
  }) => {
    await page.goto("/");
    await expect(page).toHaveURL(/\/login\?/);
    await fillSignIn(page, "guessed-password");
    await expect(page.getByText("Wrong user or password")).toBeVisible();
    const names = (await page.context().cookies()).map(({ name }) => name);
    expect(names.filter((name) => name.endsWith(".session"))).toEqual([]);
    await fillSignIn(page);
    await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
    const before = await page.context().cookies();
    expect(before.filter(({ name }) => name.endsWith(".session"))).toHaveLength(1);

    await page.getByRole("button", { name: "Account and settings" }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await expect(page.getByRole("heading", { name: "Sign in to Quorate" })).toBeVisible();
    // The session is over in the console too, not only forgotten by this browser.
    await page.context().addCookies(before);
    const reply = await page.request.get("/api/session");
    expect(reply.status()).toBe(401);

    const lines = installation.log.split("\n").filter((line) => line.includes('"msg":"sign'));
    const acts = lines.slice(-3).map((line) => JSON.parse(line) as Record<string, unknown>);
    const time = expect.stringMatching(/^\d{4}-/);
    expect(acts).toEqual([
      { level: "info", msg: "sign-in refused", time, user: "admin", address: "127.0.0.1" },
      { level: "info", msg: "signed in", time, user: "admin", address: "127.0.0.1" },
      { level: "info", msg: "signed out", time, user: "admin" },
    ]);
    expect(installation.log).not.toContain("guessed-password");
  });

  test("a deep link asks for sign-in and then shows what it names", async ({ page, client }) => {
    const key = "sign-in/deep & odd?#key";
    await client.put(key, "found");
    await page.goto(`/keys?cluster=local&key=${encodeURIComponent(key)}`);
    await expect(page.getByRole("heading", { name: "Sign in to Quorate" })).toBeVisible();
    await fillSignIn(page);
    await expect(page.getByRole("heading", { name: key })).toBeVisible();
    await expect(page.getByLabel("Value as Text")).toHaveText("found");
  });

  test("sign-in never leads to another site", async ({ page, installation }) => {
    for (const elsewhere of ["https://example.com/", "//example.com/", "/\\example.com"]) {
      await page.goto(`/login?callbackUrl=${encodeURIComponent(elsewhere)}`);
      await fillSignIn(page);
      await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
      expect(new URL(page.url()).origin).toBe(installation.url);
      await page.context().clearCookies();
    }
  });

  test("every page leads to sign-in and every route refuses", async ({ request, installation }) => {
    for (const path of PAGES) {
      const reply = await request.get(path, { maxRedirects: 0 });
      expect(reply.status(), path).toBe(307);
      expect(reply.headers()["location"], path).toContain("/login?callbackUrl=");
    }
    const forged = `quorate-${installation.port}.session=forged`;
    for (const [method, path] of ROUTES) {
      const reply = await request.fetch(path, {
        method,
        headers: { origin: installation.url, cookie: forged },
      });
      expect(reply.status(), `${method} ${path}`).toBe(401);
      expect(await reply.json()).toMatchObject({ error: { code: "unauthenticated" } });
    }
  });

  test("a method that nothing knows is refused in the API's own words", async ({
    installation,
  }) => {
    for (const path of ["/api/clusters", "/overview", "/icon.svg"]) {
      const { status, headers, body } = await ask(installation.url, { method: "TRACE", path });
      expect(status, path).toBe(405);
      expect(headers["allow"], path).toContain("GET, HEAD");
      expect(headers["x-frame-options"], path).toBe("DENY");
      expect(JSON.parse(body), path).toMatchObject({ error: { code: "method-not-allowed" } });
    }
  });
});

test.describe("with a session that ends meanwhile", () => {
  test.use({ expectedErrors: [UNAUTHENTICATED] });

  test("the page says so and sign-in leads back to it", async ({ page, client, folder }) => {
    await client.put(`${folder}a`, "1");
    await client.put(`${folder}b`, "2");
    await page.goto(`/keys?cluster=local&key=${folder}a`);
    await expect(page.getByLabel("Value as Text")).toHaveText("1");
    await page.getByRole("treeitem", { name: /^b/ }).click();
    await expect(page.getByLabel("Value as Text")).toHaveText("2");
    await page.context().clearCookies();
    // The page asks for news of the cluster by itself, and is refused.
    const dialog = page.getByRole("dialog", { name: "Your session has ended" });
    await dialog.getByRole("link", { name: "Sign in" }).click();
    await fillSignIn(page);
    await expect(page.getByLabel("Value as Text")).toHaveText("2");
  });
});
