import type { APIRequestContext, APIResponse } from "@playwright/test";
import { expect, test } from "../harness/console-test.ts";
import { ADMIN_PASSWORD } from "../harness/quorate-process.ts";

// Sign-in on the wire: what an attacker with a plain HTTP client meets.

test.use({ storageState: { cookies: [], origins: [] } });

async function csrfToken(request: APIRequestContext): Promise<string> {
  const reply = await request.get("/api/auth/csrf");
  return ((await reply.json()) as { csrfToken: string }).csrfToken;
}

async function attempt(
  request: APIRequestContext,
  origin: string,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<APIResponse> {
  return request.post("/api/auth/callback/credentials", {
    headers: { origin, ...headers },
    form: { csrfToken: await csrfToken(request), json: "true", ...form },
  });
}

function sessionCookies(reply: APIResponse): string[] {
  return reply
    .headersArray()
    .filter(({ name, value }) => name.toLowerCase() === "set-cookie" && /\.session=./.test(value))
    .map(({ value }) => value);
}

const ADMIN = { username: "admin", password: ADMIN_PASSWORD };

test("the session's cookie is closed to scripts and other sites, and new at every sign-in", async ({
  request,
  installation,
}) => {
  const [first] = sessionCookies(await attempt(request, installation.url, ADMIN));
  expect(first).toMatch(/; HttpOnly/i);
  expect(first).toMatch(/; SameSite=Strict/i);
  expect(first).toMatch(/^quorate-\d+\.session=/);
  const [second] = sessionCookies(await attempt(request, installation.url, ADMIN));
  expect(second?.split(";")[0]).not.toBe(first?.split(";")[0]);
});

test("a cookie planted before sign-in is worth nothing after it", async ({
  request,
  installation,
}) => {
  const planted = `quorate-${new URL(installation.url).port}.session=planted`;
  await csrfToken(request);
  const { cookies } = await request.storageState();
  const own = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const headers = { cookie: `${own}; ${planted}` };
  const [given] = sessionCookies(await attempt(request, installation.url, ADMIN, headers));
  expect(given).toBeDefined();
  expect(given).not.toContain("planted");
  const reply = await request.get("/api/session", { headers: { cookie: planted } });
  expect(reply.status()).toBe(401);
});

test("sign-in from another site, and without its token, is refused", async ({
  request,
  installation,
}) => {
  const foreign = await attempt(request, "http://evil.example", ADMIN);
  expect(foreign.status()).toBe(403);
  const tokenless = await request.post("/api/auth/callback/credentials", {
    headers: { origin: installation.url },
    form: { ...ADMIN, json: "true" },
  });
  expect(sessionCookies(tokenless)).toEqual([]);
});

test("guessing is stopped after ten tries, whatever address the guesser claims", async ({
  request,
  installation,
}) => {
  const username = `guessed-${Date.now()}`;
  const statuses: number[] = [];
  let last: APIResponse | undefined;
  for (let at = 0; at < 12; at++) {
    const headers = { "x-forwarded-for": `10.0.0.${at}` };
    last = await attempt(request, installation.url, { username, password: `${at}` }, headers);
    statuses.push(last.status());
  }
  expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429, 429]);
  expect(Number(last?.headers()["retry-after"])).toBeGreaterThan(60);
  expect((await attempt(request, installation.url, ADMIN)).status()).toBe(200);
});

test("pages, files and replies can be neither framed, sniffed nor read by another site", async ({
  request,
}) => {
  const page = await (await request.get("/login")).text();
  const script = /\/_next\/static\/[^"]+\.js/.exec(page)?.[0] ?? "no script";
  for (const path of ["/login", "/nowhere", "/api/session", "/icon.svg", script]) {
    const reply = await request.get(path);
    expect(reply.headers(), path).toMatchObject({
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
    });
  }
  expect((await request.get(`${script}.map`)).status()).toBe(404);
  const image = await request.get("/_next/image?url=%2Ficon.svg&w=64&q=75");
  expect(image.status()).toBe(404);
});

test("an address that the API does not have is an error of the API, told to users alone", async ({
  request,
  installation,
}) => {
  for (const path of ["/api", "/api/nothing", "/api/clusters/local/nothing"]) {
    expect((await request.get(path)).status(), path).toBe(401);
  }
  await attempt(request, installation.url, ADMIN);
  for (const path of ["/api", "/api/nothing", "/api/clusters/local/nothing"]) {
    const reply = await request.get(path);
    expect(reply.status(), path).toBe(404);
    expect(await reply.json(), path).toMatchObject({ error: { code: "not-found" } });
  }
});

test("no reply tells what it runs on, and none may be kept", async ({ request }) => {
  for (const path of ["/login", "/api/session", "/api/auth/session", "/api/health", "/nowhere"]) {
    const headers = (await request.get(path)).headers();
    expect(headers["x-powered-by"], path).toBeUndefined();
    expect(headers["server"], path).toBeUndefined();
    expect(headers["cache-control"], path).toContain("no-store");
    expect(headers["content-security-policy"], path).toContain("default-src 'none'");
  }
});
