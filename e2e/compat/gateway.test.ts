import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, type HttpAsk } from "../harness/http-client.ts";
import { ClusterProcess } from "../harness/member-process.ts";
import { answerForm } from "./gateway-form.ts";
import {
  AUTH_REQUESTS,
  AUTHENTICATE,
  GATEWAY_REQUESTS,
  PLAIN_REQUESTS,
  ROOT_REQUESTS,
  TIMED_WATCH,
} from "./gateway-requests.ts";
import { anyJsonRequest } from "./generated-json.ts";

// JSON over HTTP: the same requests to our member and to Debian's etcd, whole answers compared.

let ours: ClusterProcess;
let theirs: ClusterProcess;
beforeAll(async () => {
  [ours, theirs] = await Promise.all([
    ClusterProcess.start({ make: "quorate", size: 1 }),
    ClusterProcess.start({ make: "etcd-3.5", size: 1 }),
  ]);
});
afterAll(async () => {
  await ours?.stop();
  await theirs?.stop();
});

interface Tokens {
  readonly ours: string;
  readonly theirs: string;
}

async function compare(requests: readonly HttpAsk[], tokens?: Tokens): Promise<void> {
  for (const [at, request] of requests.entries()) {
    const [mine, real] = await Promise.all([
      ask(ours.member(0).clientUrl, authorized(request, tokens?.ours)),
      ask(theirs.member(0).clientUrl, authorized(request, tokens?.theirs)),
    ]);
    const { method = "", path, body = "" } = request;
    const label = `#${at} ${method} ${path} ${body.toString().slice(0, 200)}`;
    expect.soft(answerForm(mine), label).toEqual(answerForm(real));
  }
}

function authorized(request: HttpAsk, token: string | undefined): HttpAsk {
  if (token === undefined) return request;
  return { ...request, headers: { ...request.headers, Authorization: token } };
}

test("every answer to requests good and bad is etcd's", () => compare(GATEWAY_REQUESTS));

test.each([11, 12, 13])(
  "so is every answer to requests that nobody wrote (seed %i)",
  async (seed) => {
    await compare(fc.sample(anyJsonRequest, { seed, numRuns: 200 }));
  },
);

test("a watch whose time is over ends with etcd's error", async () => {
  const [mine, real] = await Promise.all(
    [ours, theirs].map(async (cluster) => {
      const { body } = await ask(cluster.member(0).clientUrl, TIMED_WATCH);
      return body.trimEnd().split("\n").at(-1);
    }),
  );
  expect([mine, real]).toEqual(Array(2).fill(expect.stringContaining("context deadline exceeded")));
});

test("with authentication too: the header Authorization carries the token", async () => {
  await compare(AUTH_REQUESTS);
  const [mine = "", real = ""] = await Promise.all(
    [ours, theirs].map(async (cluster) => {
      const { body } = await ask(cluster.member(0).clientUrl, AUTHENTICATE);
      return (JSON.parse(body) as { token: string }).token;
    }),
  );
  await compare(ROOT_REQUESTS, { ours: mine, theirs: real });
});

describe("what etcd 3.4 grants, through its older gateway", () => {
  let mine: ClusterProcess;
  let old: ClusterProcess;
  beforeAll(async () => {
    mine = await ClusterProcess.start({ make: "quorate", size: 1 });
    old = await ClusterProcess.start({ make: "etcd-3.4", size: 1 });
  });
  afterAll(async () => {
    await mine?.stop();
    await old?.stop();
  });

  test("is granted with the same answer", async () => {
    let granted = 0;
    for (const [at, request] of PLAIN_REQUESTS.entries()) {
      const [own, real] = await Promise.all([
        ask(mine.member(0).clientUrl, request),
        ask(old.member(0).clientUrl, request),
      ]);
      if (real.status !== 200) continue;
      granted++;
      const { method = "", path, body = "" } = request;
      const label = `#${at} ${method} ${path} ${body.toString().slice(0, 200)}`;
      expect.soft(answerForm(own), label).toEqual(answerForm(real));
    }
    expect(granted).toBeGreaterThan(20);
  });
});
