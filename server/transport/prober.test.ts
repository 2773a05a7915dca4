import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { SystemClock } from "../base/clock.ts";
import { type LogFields, SILENT_LOG } from "../base/log.ts";
import { Peer } from "./peer.ts";
import { probe } from "./prober.ts";

test("a peer that answers no probe is told once, and again after it has answered", async () => {
  const clock = new SystemClock();
  const lines: (readonly [message: string, fields?: LogFields])[] = [];
  const warn = (message: string, fields: LogFields = {}) => void lines.push([message, fields]);
  let isWell = false;
  const server = createServer((_request, response) => {
    if (!isWell) response.socket?.destroy();
    else response.end(JSON.stringify({ Now: new Date().toISOString() }));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const peer = new Peer(
    { id: 0xabn, urls: [`http://127.0.0.1:${port}`] },
    {
      identity: { memberId: 1n, clusterId: 2n, serverVersion: "3.5.16", peerUrls: [] },
      clock,
      log: SILENT_LOG,
      dialTimeoutMs: 1000,
      readTimeoutMs: 1000,
      writeTimeoutMs: 1000,
      message: () => undefined,
      unreachable: () => undefined,
      removed: () => undefined,
    },
  );
  const ask = () => probe(peer, clock, { ...SILENT_LOG, warn }, undefined);
  await ask();
  await ask();
  expect(lines).toHaveLength(1);
  expect(lines[0]?.[0]).toBe("prober detected unhealthy status");
  const names = ["round-tripper-name", "remote-peer-id", "rtt", "error"];
  expect(Object.keys(lines[0]?.[1] ?? {})).toEqual(names);
  expect(lines[0]?.[1]).toMatchObject({ "remote-peer-id": "ab", rtt: "0s" });
  isWell = true;
  await ask();
  isWell = false;
  await ask();
  expect(lines).toHaveLength(2);
  await new Promise<void>((resolve) => void server.close(() => resolve()));
});
