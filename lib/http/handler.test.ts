import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "next-auth/jwt";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { z } from "zod";
import { type ConsoleState, consoleState } from "../console/console-state.ts";
import { ClusterError } from "../etcd/cluster-error.ts";
import { ErrorReply } from "../schema/errors.ts";
import { openRoute, type RouteHandler, route } from "./handler.ts";
import { jsonReply } from "./reply.ts";

let folder: string;
let state: ConsoleState;
let cookie: string;
let sessionId: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "quorate-handler-"));
  process.env["QUORATE_DATA_DIR"] = folder;
  process.env["QUORATE_ADMIN_PASSWORD"] = "admin-password";
  state = await consoleState();
  sessionId = state.sessions.start("admin");
  cookie = await cookieFor(sessionId, state.secret);
});

afterAll(async () => {
  state.connections.close();
  await state.store.close();
  rmSync(folder, { recursive: true });
});

async function cookieFor(sid: string, secret: string): Promise<string> {
  const token = await encode({ token: { name: "admin", sid }, secret });
  return `quorate-${state.environment.port}.session=${token}`;
}

function call(
  handler: RouteHandler,
  init: { method?: string; headers?: Record<string, string>; body?: string } = {},
  params: Record<string, string> = {},
): Promise<Response> {
  const headers = { host: "console.test", origin: "http://console.test", cookie, ...init.headers };
  const request = new Request("http://console.test/api/x", { ...init, headers });
  return handler(request, { params: Promise.resolve(params) });
}

const hello = route({}, ({ session }) => jsonReply({ hello: session.user }));

test("with a session the route runs, and its reply is never cached or sniffed", async () => {
  const reply = await call(hello);
  expect(reply.status).toBe(200);
  expect(await reply.json()).toEqual({ hello: "admin" });
  expect(reply.headers.get("cache-control")).toBe("no-store");
  expect(reply.headers.get("x-content-type-options")).toBe("nosniff");
  expect(reply.headers.get("content-security-policy")).toContain("default-src 'none'");
  expect(reply.headers.get("x-request-id")).toMatch(/^[\da-f-]{36}$/);
});

test("without a session nothing of the route runs, whatever the cookie looks like", async () => {
  let ran = 0;
  const counted = route({ body: z.object({}) }, () => {
    ran++;
    return jsonReply({});
  });
  const forged = await cookieFor(sessionId, "another-secret-of-the-same-length-0000000000");
  const unknown = await cookieFor("no-such-session", state.secret);
  for (const bad of ["", "x=y", forged, unknown, cookie.slice(0, -3), `${cookie}x`]) {
    const reply = await call(counted, { method: "POST", body: "{}", headers: { cookie: bad } });
    expect(reply.status, bad).toBe(401);
    expect(reply.headers.get("cache-control")).toBe("no-store");
  }
  expect(ran).toBe(0);
});

test("a request with an effect from another site is refused, session or not", async () => {
  let ran = 0;
  const counted = route({}, () => {
    ran++;
    return jsonReply({});
  });
  const headers = { origin: "http://evil.test" };
  expect((await call(counted, { method: "POST", headers })).status).toBe(403);
  expect(
    (await call(counted, { method: "POST", headers: { ...headers, cookie: "" } })).status,
  ).toBe(401);
  expect(ran).toBe(0);
});

test("an unknown error is told as an id and nothing else", async () => {
  const failing = route({}, () => {
    throw new Error("/secret/path: password=canary");
  });
  const write = process.stderr.write.bind(process.stderr);
  let logged = "";
  process.stderr.write = ((text: string) => {
    logged += text;
    return true;
  }) as typeof process.stderr.write;
  const reply = await call(failing).finally(() => {
    process.stderr.write = write;
  });
  expect(reply.status).toBe(500);
  const text = await reply.text();
  expect(text).not.toContain("canary");
  const { error } = ErrorReply.parse(JSON.parse(text));
  expect(error.code).toBe("internal");
  expect(logged).toContain("canary");
  expect(logged).toContain(error.requestId);
});

test("what has an effect is told with who, what and the outcome, and never with a value", async () => {
  const lines: string[] = [];
  const spy = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  const body = z.object({ key: z.string(), value: z.string() });
  const makes = route({ body }, () => jsonReply({}, { headers: { etag: '"42"' } }));
  const post = (key: string, value: unknown, headers = {}) =>
    call(makes, {
      method: "POST",
      headers: { "content-type": "application/json", "x-forwarded-for": "192.0.2.7", ...headers },
      body: JSON.stringify({ key: Buffer.from(key, "latin1").toString("base64"), value }),
    });
  const granted = await post("app/a", "canary");
  await post("\xff", "canary");
  await post("app/a", 7);
  await post("app/a", "canary", { origin: "http://evil.test" });
  await post("app/a", "canary", { cookie: "" });
  await call(hello);
  spy.mockRestore();
  const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(told[0]).toMatchObject({
    msg: "write",
    user: "admin",
    address: "192.0.2.7",
    method: "POST",
    path: "/api/x",
    key: "app/a",
    status: 200,
    revision: "42",
    requestId: granted.headers.get("x-request-id"),
  });
  expect(told[1]).toMatchObject({ keyBase64: "/w==", status: 200 });
  expect(told.slice(2).map(({ status }) => status)).toEqual([400, 403]);
  expect(lines.join("")).not.toContain("canary");
});

test("an unknown cluster is 404, a malformed body 400 with its place", async () => {
  const asksCluster = route({}, ({ client }) => jsonReply(client.endpoints));
  expect((await call(asksCluster, {}, { cluster: "other" })).status).toBe(404);
  expect((await call(asksCluster, {}, { cluster: "__proto__" })).status).toBe(404);
  expect((await call(asksCluster, {}, { cluster: "local" })).status).toBe(200);
  const wants = route({ body: z.object({ n: z.number() }) }, ({ body }) => jsonReply(body));
  const bad = await call(wants, {
    method: "POST",
    body: '{"n":"1"}',
    headers: { "content-type": "application/json" },
  });
  expect(bad.status).toBe(400);
  expect(ErrorReply.parse(await bad.json()).error.message).toMatch(/^n: /);
});

test("a route without a session still takes no large body and no foreign page", async () => {
  const open = openRoute(async () => jsonReply({ ok: true }));
  const ask = (headers: Record<string, string>, body?: string) =>
    open(
      new Request("http://console.test/api/x", {
        method: "POST",
        headers: { host: "console.test", origin: "http://console.test", ...headers },
        ...(body === undefined ? {} : { body }),
      }),
      {},
    );
  expect((await ask({})).status).toBe(200);
  expect((await ask({ origin: "http://evil.test" })).status).toBe(403);
  expect((await ask({ "content-length": "99999" }, "x".repeat(99_999))).status).toBe(413);
});

test("a flood is refused with a time to wait, and passes when it is over", async () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow = route({}, async () => {
    await held;
    return jsonReply({});
  });
  const early: Response[] = [];
  const replies = Array.from({ length: 80 }, async () => {
    const reply = await call(slow);
    early.push(reply);
    return reply.status;
  });
  await expect.poll(() => early).toHaveLength(16);
  expect(early.map(({ status }) => status)).toEqual(Array.from({ length: 16 }, () => 429));
  expect(early[0]?.headers.get("retry-after")).toBe("1");
  release();
  const statuses = await Promise.all(replies);
  expect(statuses.filter((status) => status === 200)).toHaveLength(64);
  expect((await call(slow)).status).toBe(200);
});

test("what an open page asks by itself is no use of its session", async () => {
  const resume = vi.spyOn(state.sessions, "resume");
  const poll = route({ isBackground: true }, async ({ isStillSignedIn }) =>
    jsonReply(await isStillSignedIn()),
  );
  expect(await (await call(poll)).json()).toBe(true);
  expect(resume).not.toHaveBeenCalled();
  await call(hello);
  expect(resume).toHaveBeenCalledOnce();
  const asksAgain = route({}, async ({ isStillSignedIn }) => jsonReply(await isStillSignedIn()));
  expect(await (await call(asksAgain)).json()).toBe(true);
  expect(resume).toHaveBeenCalledTimes(2);
  resume.mockRestore();
});

test("a session that was ended is refused at once", async () => {
  const ended = state.sessions.start("admin");
  const headers = { cookie: await cookieFor(ended, state.secret) };
  expect((await call(hello, { headers })).status).toBe(200);
  state.sessions.end(ended);
  expect((await call(hello, { headers })).status).toBe(401);
});

test("a write whose outcome is unknown is told as such, in the reply and in the log", async () => {
  const lines: string[] = [];
  const spy = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  const fails = (mayHaveHappened: boolean) =>
    call(
      route({}, () => {
        throw new ClusterError("unavailable", "etcdserver: server stopped", { mayHaveHappened });
      }),
      { method: "POST" },
    );
  const replies = [await fails(true), await fails(false)];
  spy.mockRestore();
  const errors = await Promise.all(
    replies.map(async (reply) => ErrorReply.parse(await reply.json()).error),
  );
  expect(errors.map((error) => error.mayHaveHappened)).toEqual([true, undefined]);
  const told = lines.map((line) => JSON.parse(line));
  expect(told.map(({ mayHaveHappened }) => mayHaveHappened)).toEqual([true, undefined]);
});
