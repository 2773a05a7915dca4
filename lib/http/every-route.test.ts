import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { consoleState } from "../console/console-state.ts";

// A new route without a check of its own fails here.

const root = join(import.meta.dirname, "../..");
/** What must work before anybody has signed in. */
const OPEN = [
  "app/api/auth/[...nextauth]/route.ts",
  "app/api/health/route.ts",
  "app/api/method-not-allowed/route.ts",
];
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

type Handler = (
  request: Request,
  context: { params: Promise<Record<string, string>> },
) => Promise<Response>;

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-routes-"));
  process.env["QUORATE_DATA_DIR"] = folder;
  process.env["QUORATE_ADMIN_PASSWORD"] = "admin-password";
  await consoleState();
});

afterAll(async () => {
  await (await consoleState()).store.close();
  rmSync(folder, { recursive: true });
});

const routes = globSync("app/api/**/route.ts", { cwd: root }).sort();

test("there are routes to check", () => {
  expect(routes.length).toBeGreaterThan(10);
  expect(routes).toEqual(expect.arrayContaining(OPEN));
});

test.each(routes.filter((path) => !OPEN.includes(path)))(
  "%s answers nobody who is not signed in, by any method",
  async (path) => {
    const module = (await import(join(root, path))) as Record<string, Handler | undefined>;
    const methods = METHODS.filter((method) => module[method] !== undefined);
    expect(methods.length).toBeGreaterThan(0);
    for (const method of methods) {
      const request = new Request("http://console.test/api/x?key=YQ", {
        method,
        headers: { host: "console.test", origin: "http://console.test" },
      });
      const params = Promise.resolve({ cluster: "local", lease: "1" });
      const reply = await module[method]?.(request, { params });
      expect(reply?.status, method).toBe(401);
      expect(reply?.headers.get("cache-control"), method).toBe("no-store");
    }
  },
);
