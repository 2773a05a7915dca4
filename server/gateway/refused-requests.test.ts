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
  const state = Object.assign(heard(socket), { targets, socket });
  socket.write(bytes);
  return state;
}

/** As Go's server writes it. */
function refusal(line: string, text = line): string {
  const headers = "Content-Type: text/plain; charset=utf-8\r\nConnection: close";
  return `HTTP/1.1 ${line}\r\n${headers}\r\n\r\n${text}`;
}

function answer(exchange: Exchange): void {
  if (exchange.open === undefined) exchange.reply({ status: 200, headers: {}, body: "served" });
  else exchange.open();
}

test("HTTP/1.1 without a host is refused in Go's words, HTTP/1.0 is served", async () => {
  const refused = await sent(NO_HOST);
  await expect.poll(() => refused.isClosed).toBe(true);
  expect(refused.text).toBe(refusal("400 Bad Request: missing required Host header"));
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

const BAD_REQUEST = refusal("400 Bad Request");
const HOST = "Host: member\r\n";

test.each([
  ["two hosts", `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`, BAD_REQUEST],
  ["two hosts of HTTP/1.0", `GET / HTTP/1.0\r\n${HOST}${HOST}\r\n`, BAD_REQUEST],
  [
    "a host with a blank",
    "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    refusal("400 Bad Request: malformed Host header"),
  ],
  ["a port that is none", `GET http://a:b/ HTTP/1.1\r\n${HOST}\r\n`, BAD_REQUEST],
  ["a percent sign alone", `GET /% HTTP/1.1\r\n${HOST}\r\n`, BAD_REQUEST],
  [
    "a length and an encoding",
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
    BAD_REQUEST,
  ],
  ["no version", `GET /\r\n${HOST}\r\n`, BAD_REQUEST],
  [
    "HTTP/2.0",
    `GET / HTTP/2.0\r\n${HOST}\r\n`,
    refusal("505 HTTP Version Not Supported: unsupported protocol version"),
  ],
  ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BAD_REQUEST],
  ["an unknown method", `FOO / HTTP/1.1\r\n${HOST}\r\n`, BAD_REQUEST],
  ["CONNECT", `CONNECT a:80 HTTP/1.1\r\n${HOST}\r\n`, BAD_REQUEST],
  ["a header without a colon", `GET / HTTP/1.1\r\n${HOST}colon\r\n\r\n`, BAD_REQUEST],
  ["a line that is none", "junk\r\n", BAD_REQUEST],
  [
    "headers that are too many",
    `GET / HTTP/1.1\r\n${HOST}A: ${"x".repeat(20_000)}\r\n\r\n`,
    refusal("431 Request Header Fields Too Large"),
  ],
  ...["gzip, chunked", "gzip", "chunked, gzip", "", "chunked;q=1"].map((encoding) => [
    `the encoding ${JSON.stringify(encoding)}`,
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: ${encoding}\r\n\r\n1\r\nx\r\n0\r\n\r\n`,
    refusal("501 Not Implemented", "Unsupported transfer encoding"),
  ]),
])("%s is refused, behind the answers to what was asked before", async (_name, bytes, told) => {
  const alone = await sent(bytes);
  await expect.poll(() => alone.isClosed).toBe(true);
  expect([alone.text, alone.targets]).toEqual([told, []]);
  const asked: Exchange[] = [];
  const behind = await sent(ASK + ASK + bytes + ASK, (exchange) => asked.push(exchange));
  for (const [at, body] of ["first", "second"].entries()) {
    await expect.poll(() => asked.length).toBe(at + 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    asked[at]?.reply({ status: 200, headers: {}, body });
  }
  await expect.poll(() => behind.isClosed).toBe(true);
  expect(behind.text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*first[^]*second/);
  expect(behind.text.slice(behind.text.indexOf("second") + "second".length)).toBe(told);
  expect(behind.targets).toEqual(["/health", "/health"]);
});

test("what is no request is refused as soon as that is known, be it the first bytes", async () => {
  for (const ahead of ["", ASK]) {
    // The second begins a handshake of TLS.
    for (const bytes of [" ", "\x16\x03\x01\x02\x00\x01"]) {
      const state = await sent(ahead + bytes);
      await expect.poll(() => state.isClosed).toBe(true);
      expect(state.text.endsWith(ahead === "" ? BAD_REQUEST : `served${BAD_REQUEST}`)).toBe(true);
    }
  }
});

test("a client that reads no refusal is let go all the same", async () => {
  const { socket } = await connected(answer);
  socket.on("error", () => {});
  socket.pause();
  socket.write("junk\r\n");
  let isCut = false;
  socket.on("error", () => {
    isCut = true;
  });
  const writes = () => {
    socket.write("more");
    return isCut;
  };
  await expect.poll(writes, { timeout: 3_000 }).toBe(true);
});

test("what follows a request that was the last one is not looked at", async () => {
  const last = `GET /last HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
  for (const more of [" ", ASK, "junk\r\n\r\n", "x".repeat(100_000)]) {
    const asked: Exchange[] = [];
    const state = await sent(last + more, (exchange) => asked.push(exchange));
    await expect.poll(() => asked.length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    asked[0]?.reply({ status: 200, headers: {}, body: "served" });
    await expect.poll(() => state.isClosed).toBe(true);
    expect(state.text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n[^]*served$/);
    expect(state.targets).toEqual(["/last"]);
  }
});

test("a body that cannot be read is told to its reader, behind what could be", async () => {
  const post = `POST /post HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;
  const problems = [
    ["3\r\none\r\nzz\r\n", "invalid byte in chunk length"],
    ["3\r\nonex", "malformed chunked encoding"],
  ] as const;
  for (const [body, problem] of problems) {
    for (const ahead of ["", ASK]) {
      const told: string[] = [];
      const state = await sent(ahead + post + body + ASK, (exchange) => {
        if (exchange.method === "GET") return answer(exchange);
        const ended = () => told.push("end");
        exchange.readBody(
          (bytes) => told.push(bytes.toString()),
          ended,
          (text) => {
            told.push(text);
            exchange.reply({ status: 400, headers: {}, body: text });
          },
        );
      });
      await expect.poll(() => state.isClosed).toBe(true);
      expect(told).toEqual(["one", problem]);
      expect(state.text.endsWith(problem)).toBe(true);
      expect(state.text).toContain("Connection: close\r\n");
      expect(state.targets).toEqual(ahead === "" ? ["/post"] : ["/health", "/post"]);
    }
  }
});

test("who asks by HTTP/1.0 is told whether the connection stays", async () => {
  const staying = await sent("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  await expect.poll(() => staying.text).toMatch(/\r\nConnection: keep-alive\r\n[^]*served$/);
  const going = await sent("GET / HTTP/1.0\r\n\r\n");
  await expect.poll(() => going.isClosed).toBe(true);
  expect(going.text).toMatch(/served$/);
  expect(going.text).not.toContain("Connection:");
});
