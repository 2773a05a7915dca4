import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SlicedInput } from "./sliced-input.ts";

let server: Server;
let input: SlicedInput;
/** Of requests, or of what came after an upgrade. */
const seen: string[] = [];
/** Requests that are served before the connection is destroyed. */
let patience: number;

beforeEach(async () => {
  seen.length = 0;
  patience = Number.POSITIVE_INFINITY;
  server = createServer((request, response) => {
    seen.push(request.url ?? "");
    if (seen.length > patience) request.socket.destroy();
    let byteCount = 0;
    request.on("data", (chunk: Buffer) => {
      byteCount += chunk.length;
    });
    request.on("end", () => response.end(`${byteCount};`));
  });
  server.on("connection", (socket) => {
    input = new SlicedInput(socket);
  });
  server.on("upgrade", (_request, socket, head: Buffer) => {
    input.end();
    seen.push(head.toString());
    socket.on("data", (chunk: Buffer) => seen.push(chunk.toString()));
    socket.on("end", () => socket.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(() => new Promise<void>((resolve) => void server.close(() => resolve())));

/** Everything that is answered until the server closes. */
function say(text: string): Promise<string> {
  return new Promise((resolve) => {
    const { port } = server.address() as AddressInfo;
    const socket: Socket = connect(port, "127.0.0.1");
    let answer = "";
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => resolve(answer));
    socket.write(text);
  });
}

const request = (path: string, rest = "") => `GET ${path} HTTP/1.1\r\nHost: a\r\n${rest}\r\n`;

test("requests in one read are parsed until their connection is destroyed, and few beyond", async () => {
  patience = 10;
  await say(request("/").repeat(1_000));
  expect(seen.length).toBeGreaterThan(patience);
  expect(seen.length).toBeLessThan(patience + 50);
});

test("requests and bodies of any length are what they were", async () => {
  const body = "x".repeat(100_000);
  const post = `POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const last = request("/last", "Connection: close\r\n");
  const answer = await say(`${request("/a").repeat(100)}${post}${last}`);
  expect(seen).toEqual([...Array.from({ length: 100 }, () => "/a"), "/b", "/last"]);
  expect(answer.match(/\d+;/g)?.at(-2)).toBe("100000;");
});

test("what follows an upgrade in the same read goes to whoever reads now", async () => {
  const tail = Array.from({ length: 1_000 }, (_, at) => `${at};`).join("");
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  socket.end(`${request("/", "Connection: Upgrade\r\nUpgrade: other\r\n")}${tail}`);
  await new Promise((resolve) => socket.resume().once("close", resolve));
  expect(seen.join("")).toBe(tail);
});

test("what is discarded is not parsed", async () => {
  server.on("clientError", () => {
    seen.push("misread");
    input.discard();
  });
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  socket.write(`${request("/a")}junk`);
  await expect.poll(() => seen).toEqual(["/a", "misread"]);
  socket.write(`more\r\n${request("/b").repeat(100)}`);
  socket.end(request("/c"));
  await new Promise((resolve) => socket.resume().once("close", resolve));
  expect(seen).toEqual(["/a", "misread"]);
});
