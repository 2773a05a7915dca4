import { afterEach, expect, test } from "vitest";
import type { Exchange } from "./exchange.ts";
import { heard, OPENING, OpenedGateways, WEB_SOCKET } from "./gateway-client.suite.ts";

const ASK = "GET /health HTTP/1.1\r\nHost: member\r\n\r\n";
const NO_HOST = "GET /no-host HTTP/1.1\r\n\r\n";
const EXPECTS = "GET /expects HTTP/1.1\r\nHost: member\r\nExpect: the impossible\r\n\r\n";

const gateways = new OpenedGateways();
const { connected } = gateways;
afterEach(() => gateways.close());

/** What was served, and what the client was told. */
async function sent(bytes: string, serve: (exchange: Exchange) => void = answer) {
  const targets: string[] = [];
  const { socket } = await connected((exchange) => {
    targets.push(exchange.target);
    serve(exchange);
  });
  const state = Object.assign(heard(socket), { targets });
  socket.write(bytes);
  return state;
}

function answer(exchange: Exchange): void {
  if (exchange.open === undefined) exchange.reply({ status: 200, headers: {}, body: "served" });
  else exchange.open();
}

test("HTTP/1.1 without a host is refused in Go's words, HTTP/1.0 is served", async () => {
  const refused = await sent(NO_HOST);
  await expect.poll(() => refused.isClosed).toBe(true);
  expect(refused.text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[^]*Connection: close\r\n/);
  expect(refused.text).toMatch(/\r\n\r\n400 Bad Request: missing required Host header$/);
  expect(refused.targets).toEqual([]);
  const old = await sent("GET /health HTTP/1.0\r\n\r\n");
  await expect.poll(() => old.text).toMatch(/served$/);
});

test("what nobody can expect is refused, to be told to go on is not", async () => {
  const refused = await sent(EXPECTS);
  await expect.poll(() => refused.isClosed).toBe(true);
  expect(refused.text).toMatch(/^HTTP\/1\.1 417 Expectation Failed\r\n[^]*Connection: close\r\n/);
  expect(refused.targets).toEqual([]);
  const body = "Host: member\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx";
  const served = await sent(`POST /health HTTP/1.1\r\n${body}`);
  await expect.poll(() => served.text).toMatch(/^HTTP\/1\.1 100 Continue\r\n[^]*served$/);
});

test("a WebSocket behind a request that is refused ends with its connection", async () => {
  for (const refused of [NO_HOST, EXPECTS]) {
    for (const ahead of ["", ASK]) {
      const state = await sent(ahead + refused + OPENING);
      await expect.poll(() => state.isClosed).toBe(true);
      expect(state.text).toMatch(refused === NO_HOST ? /HTTP\/1\.1 400 / : /HTTP\/1\.1 417 /);
      expect(state.text).not.toContain(" 101 ");
      expect(state.targets).toEqual(ahead === "" ? [] : ["/health"]);
    }
  }
});

test("a refused request is told so when those before it are answered", async () => {
  const asked: Exchange[] = [];
  const state = await sent(ASK + EXPECTS, (exchange) => asked.push(exchange));
  await expect.poll(() => asked.length).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(state.text).toBe("");
  asked[0]?.reply({ status: 200, headers: {}, body: "first" });
  await expect.poll(() => state.text).toMatch(/first[^]*HTTP\/1\.1 417 /);
});

test("a WebSocket without a host is refused", async () => {
  const state = await sent(`GET /v3/watch HTTP/1.1\r\n${WEB_SOCKET}`);
  await expect.poll(() => state.isClosed).toBe(true);
  expect(state.text).toMatch(/missing required Host header$/);
  expect(state.targets).toEqual([]);
});

test("a WebSocket that cannot be served ends its connection and nothing else", async () => {
  const state = await sent(OPENING, () => {
    throw new Error("not to be served");
  });
  await expect.poll(() => state.isClosed).toBe(true);
  expect(state.text).toBe("");
});
