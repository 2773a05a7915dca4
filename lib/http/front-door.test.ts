import { createServer, type IncomingHttpHeaders, IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { Socket } from "node:net";
import { expect, test } from "vitest";
import { readEnvironment } from "../console/environment.ts";
import {
  ADDRESS_HEADER,
  addressIn,
  divertUnknownMethod,
  guardFrontDoor,
  replaceClaims,
} from "./front-door.ts";

function incoming(): IncomingMessage {
  const socket = new Socket();
  Object.defineProperty(socket, "remoteAddress", { value: "192.0.2.7" });
  return new IncomingMessage(socket);
}

test("what a client claims about its way here is replaced by its socket's address", () => {
  const message = incoming();
  message.headers = {
    [ADDRESS_HEADER]: "127.0.0.1",
    "x-forwarded-host": "evil.test",
    "x-forwarded-proto": "https",
    forwarded: "for=127.0.0.1",
    host: "console.test",
  };
  replaceClaims(message);
  expect(message.headers).toEqual({ [ADDRESS_HEADER]: "192.0.2.7", host: "console.test" });
});

test.each([
  ["GET", "GET", "/overview"],
  ["DELETE", "DELETE", "/overview"],
  ["TRACE", "GET", "/api/method-not-allowed"],
  ["PROPFIND", "GET", "/api/method-not-allowed"],
])("a %s goes on as a %s of %s", (method, asked, url) => {
  const message = incoming();
  Object.assign(message, { method, url: "/overview" });
  divertUnknownMethod(message);
  expect(message).toMatchObject({ method: asked, url });
});

test("only an address that is https and not this machine's own binds browsers to it", () => {
  const isHttpsOnly = (url: string) =>
    readEnvironment({ ...process.env, NEXTAUTH_URL: url }).isHttpsOnly;
  expect(isHttpsOnly("https://etcd.example.com")).toBe(true);
  expect(isHttpsOnly("HTTPS://etcd.example.com:8443")).toBe(true);
  expect(isHttpsOnly("http://etcd.example.com")).toBe(false);
  expect(isHttpsOnly("https://localhost:3000")).toBe(false);
  expect(isHttpsOnly("")).toBe(false);
  expect(readEnvironment({ ...process.env, NEXTAUTH_URL: "https://localhost:3000" }).isSecure).toBe(
    true,
  );
});

test("then every answer of the process says so", async () => {
  const server = createServer((_, response) => response.end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const answered = () =>
    new Promise<IncomingHttpHeaders>((resolve) => {
      request({ port, host: "127.0.0.1", agent: false }, (reply) => {
        reply.resume();
        resolve(reply.headers);
      }).end();
    });
  expect(await answered()).not.toHaveProperty("strict-transport-security");
  guardFrontDoor({ trustsProxy: false, isHttpsOnly: true });
  expect(await answered()).toMatchObject({ "strict-transport-security": "max-age=15552000" });
  await new Promise((resolve) => server.close(resolve));
});

test.each([
  ["192.0.2.7:51544", "192.0.2.7"],
  ["10.0.0.5:80, 192.0.2.7:51544", "192.0.2.7"],
  ["[2001:db8::1]:51544", "2001:db8::1"],
  ["[2001:db8::1]", "2001:db8::1"],
  ["[::ffff:192.0.2.7]:80", "::ffff:192.0.2.7"],
  ["2001:db8::1:5154", "2001:db8::1:5154"],
  ["192.0.2.7:", "192.0.2.7:"],
  ["unknown", "unknown"],
])("%j is written for the address %j, whatever the port", (header, address) => {
  expect(addressIn(header)).toBe(address);
});

test("of several hops only the last is told by one who knows", () => {
  expect(addressIn("10.0.0.5, 192.0.2.7")).toBe("192.0.2.7");
  expect(addressIn("2001:db8::1")).toBe("2001:db8::1");
  expect(addressIn(`${"1".repeat(10_000)}`)).toHaveLength(64);
  for (const nothing of [undefined, null, ["a"], ""]) expect(addressIn(nothing)).toBe("");
});
