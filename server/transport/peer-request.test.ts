import { EventEmitter } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Readable } from "node:stream";
import { connect as connectTls } from "node:tls";
import { expect, test } from "vitest";
import { BytePool } from "../base/byte-pool.ts";
import { SystemClock } from "../base/clock.ts";
import { BodyTooLargeError, exchange, limitRest, readBody } from "./peer-request.ts";

const bodyOf = (...chunks: Buffer[]) => Readable.from(chunks) as unknown as IncomingMessage;

test("a body is read up to its limit, and not beyond", async () => {
  const chunks = [Buffer.alloc(40, 1), Buffer.alloc(60, 2)];
  expect(await readBody(bodyOf(...chunks), 100)).toEqual(Buffer.concat(chunks));
  await expect(readBody(bodyOf(...chunks), 99)).rejects.toThrow(BodyTooLargeError);
});

test("bodies that are read at the same time share a limit, and leave nothing of it behind", async () => {
  const pool = new BytePool(100);
  const endless = new Readable({ read() {} });
  endless.push(Buffer.alloc(80));
  const unfinished = readBody(endless as unknown as IncomingMessage, 100, pool);
  await new Promise((resolve) => setImmediate(resolve));
  await expect(readBody(bodyOf(Buffer.alloc(30)), 100, pool)).rejects.toThrow(BodyTooLargeError);
  expect(await readBody(bodyOf(Buffer.alloc(20)), 100, pool)).toHaveLength(20);
  endless.destroy(new Error("the peer is gone"));
  await expect(unfinished).rejects.toThrow("the peer is gone");
  expect(await readBody(bodyOf(Buffer.alloc(100)), 100, pool)).toHaveLength(100);
});

test("a request whose time is over ends, unless an answer lies unread", async () => {
  const socket = Object.assign(new EventEmitter(), { bytesRead: 10 });
  const ends: Error[] = [];
  const request = Object.assign(new EventEmitter(), {
    destroy: (error: Error) => ends.push(error),
  });
  limitRest(request as unknown as ClientRequest, new SystemClock());
  request.emit("socket", socket);
  const look = () => new Promise((resolve) => setImmediate(resolve));
  socket.emit("timeout");
  socket.bytesRead++;
  await look();
  expect(ends).toEqual([]);
  socket.emit("timeout");
  await look();
  expect(ends).toEqual([new Error("i/o timeout")]);
});

test.for(["http", "https"])(
  "a peer that takes a %s connection and says nothing is left",
  async (scheme) => {
    const taken: Socket[] = [];
    const server = createServer((socket) => void taken.push(socket.on("error", () => undefined)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const asked = exchange(
      url,
      {
        method: "GET",
        path: "/version",
        headers: {},
        idleMs: 50,
        clock: new SystemClock(),
        dialTls: (where) => connectTls("host" in where ? where : {}),
      },
      undefined,
      100,
    );
    await expect(asked).rejects.toThrow("i/o timeout");
    for (const socket of taken) socket.destroy();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  },
);
