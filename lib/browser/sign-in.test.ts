// @vitest-environment happy-dom
import { afterEach, expect, test, vi } from "vitest";
import { signIn, signOut } from "./sign-in.ts";

afterEach(() => vi.unstubAllGlobals());

interface Post {
  readonly path: string;
  readonly fields: Record<string, string>;
}

/** A console whose next-auth answers with this; what was sent to it. */
function answering(reply: () => Response): Post[] {
  const posts: Post[] = [];
  vi.stubGlobal("fetch", async (path: string, { body }: { body?: URLSearchParams }) => {
    if (path === "/api/auth/csrf") return Response.json({ csrfToken: "t" });
    posts.push({ path, fields: Object.fromEntries(body ?? []) });
    return reply();
  });
  return posts;
}

const url = (query: string, status = 401) =>
  Response.json({ url: `http://localhost/login${query}` }, { status });

test("who is let in has sent name, password and token", async () => {
  const posts = answering(() => url("", 200));
  expect(await signIn("admin", "secret")).toEqual({ kind: "signed-in" });
  const fields = { username: "admin", password: "secret", csrfToken: "t", json: "true" };
  expect(posts).toMatchObject([{ path: "/api/auth/callback/credentials", fields }]);
});

test("a console that is gone before anything is sent has checked nothing", async () => {
  vi.stubGlobal("fetch", async () => {
    throw new TypeError("Failed to fetch");
  });
  await expect(signIn("admin", "secret")).rejects.toMatchObject({ code: "offline" });
});

test("a wrong password and too many attempts are told apart", async () => {
  answering(() => url("?error=CredentialsSignin"));
  expect(await signIn("admin", "guess")).toEqual({ kind: "wrong" });
  answering(() => url("?error=Throttled%3A7", 429));
  expect(await signIn("admin", "guess")).toEqual({ kind: "throttled", waitSeconds: 7 });
});

test("a refusal comes in the console's own words", async () => {
  const error = { code: "forbidden", message: "the request comes from another site" };
  answering(() => Response.json({ error }, { status: 403 }));
  await expect(signIn("admin", "secret")).rejects.toMatchObject(error);
  await expect(signOut()).rejects.toMatchObject(error);
});

test("a cookie that the browser does not keep is no success", async () => {
  answering(() => url("?csrf=true", 200));
  await expect(signIn("admin", "secret")).rejects.toMatchObject({ code: "bad-reply" });
  await expect(signOut()).rejects.toMatchObject({ code: "bad-reply" });
});

test("a console that is gone, or a stranger in its place, is no success", async () => {
  answering(() => {
    throw new TypeError("Failed to fetch");
  });
  expect(await signIn("admin", "secret")).toEqual({ kind: "unanswered" });
  await expect(signOut()).rejects.toMatchObject({ code: "offline" });
  answering(() => new Response("<html>", { status: 200 }));
  await expect(signOut()).rejects.toMatchObject({ code: "bad-reply" });
});
