import { expect, test } from "vitest";
import { z } from "zod";
import { Problem } from "./problem.ts";
import {
  ifMatchRevision,
  parseInput,
  queryOf,
  readJson,
  refuseForeignOrigin,
  refuseLargeBody,
} from "./request-input.ts";

const URL_OF_ROUTE = "http://console.test/api/x";

interface Sent {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function request(sent: Sent = {}): Request {
  return new Request(URL_OF_ROUTE, {
    ...sent,
    headers: { host: "console.test", ...sent.headers },
  });
}

function posted(body: string, headers: Record<string, string> = {}): Request {
  return request({
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
  });
}

async function problemOf(run: () => unknown): Promise<Problem> {
  try {
    await run();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

test("invalid JSON is refused with what is wrong about it", async () => {
  const problem = await problemOf(() => readJson(posted('{"value":'), 100));
  expect(problem.code).toBe("bad-request");
  expect(problem.message).toMatch(/not valid JSON: .*(end|JSON)/);
});

test("a body beyond the limit is refused, whether it admits its length or not", async () => {
  const long = "x".repeat(200);
  expect((await problemOf(() => readJson(posted(JSON.stringify(long)), 100))).code).toBe(
    "too-large",
  );
  const stream = new ReadableStream({
    pull(controller) {
      controller.enqueue(new TextEncoder().encode(long));
    },
  });
  const endless = new Request(URL_OF_ROUTE, {
    method: "POST",
    body: stream,
    headers: { "content-type": "application/json" },
    duplex: "half",
  } as RequestInit);
  expect((await problemOf(() => readJson(endless, 1_000))).code).toBe("too-large");
});

test("a form that a foreign page could send is no JSON request", async () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
    const problem = await problemOf(() => readJson(posted("{}", { "content-type": type }), 100));
    expect(problem.code).toBe("bad-request");
  }
});

test("a body that is not UTF-8 is refused instead of being read as something else", async () => {
  const broken = new Request(URL_OF_ROUTE, {
    method: "POST",
    body: Buffer.from([0x22, 0xff, 0x22]),
    headers: { "content-type": "application/json" },
  });
  expect((await problemOf(() => readJson(broken, 100))).message).toBe("the body is not UTF-8");
});

test("__proto__ and constructor in a body or a query change nothing", async () => {
  const shape = z.object({ a: z.number() });
  const body = await readJson(posted('{"a":1,"__proto__":{"b":2},"constructor":{"c":3}}'), 100);
  expect(parseInput(shape, body, "body")).toEqual({ a: 1 });
  const query = queryOf(new URL(`${URL_OF_ROUTE}?__proto__=x&a=1`));
  expect(Object.getPrototypeOf(query)).toBe(Object.prototype);
  expect(({} as Record<string, unknown>)["b"]).toBeUndefined();
});

test("a parameter given twice is refused instead of choosing one", async () => {
  const url = new URL(`${URL_OF_ROUTE}?key=a&key=b`);
  expect((await problemOf(() => queryOf(url))).message).toBe("key is given twice");
});

test("what is malformed is named", async () => {
  const shape = z.object({ deep: z.object({ count: z.number() }) });
  const problem = await problemOf(() => parseInput(shape, { deep: { count: "1" } }, "body"));
  expect(problem.message).toMatch(/^deep\.count: /);
});

test("If-Match names exactly one version of a key", async () => {
  expect(ifMatchRevision(request({ headers: { "if-match": '"42"' } }))).toBe(42);
  for (const wrong of ["42", "*", 'W/"42"', '"42", "43"', '"0"', '"-1"', '"99999999999999999"']) {
    const problem = await problemOf(() =>
      ifMatchRevision(request({ headers: { "if-match": wrong } })),
    );
    expect(problem.code, wrong).toBe("bad-request");
  }
  expect((await problemOf(() => ifMatchRevision(request()))).code).toBe("bad-request");
});

test("a request with an effect is taken from our own origin alone", async () => {
  const allowed = { origin: "http://console.test" };
  for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
    refuseForeignOrigin(request({ method, headers: allowed }));
    for (const headers of [
      {},
      { origin: "null" },
      { origin: "http://evil.test" },
      { origin: "http://console.test.evil.test" },
      { origin: "http://console.test:8080" },
      { ...allowed, "sec-fetch-site": "cross-site" },
      { ...allowed, "sec-fetch-site": "same-site" },
    ] as Record<string, string>[]) {
      const problem = await problemOf(() => refuseForeignOrigin(request({ method, headers })));
      expect(problem.code, JSON.stringify(headers)).toBe("forbidden");
    }
  }
});

test("a read is refused when another site's page asks, and allowed when typed or ours", async () => {
  refuseForeignOrigin(request());
  refuseForeignOrigin(request({ headers: { "sec-fetch-site": "same-origin" } }));
  refuseForeignOrigin(request({ headers: { "sec-fetch-site": "none" } }));
  const foreign = request({ headers: { "sec-fetch-site": "cross-site" } });
  expect((await problemOf(() => refuseForeignOrigin(foreign))).code).toBe("forbidden");
});

test("where others read the body, its length must be said and small", async () => {
  refuseLargeBody(posted("{}", { "content-length": "2" }), 10);
  expect((await problemOf(() => refuseLargeBody(posted("{}"), 10))).code).toBe("bad-request");
  const large = posted("{}", { "content-length": "11" });
  expect((await problemOf(() => refuseLargeBody(large, 10))).code).toBe("too-large");
});
