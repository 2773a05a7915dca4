import { expect, test } from "vitest";
import { connectionPlaces } from "./connection-places.ts";

test("where much may be open, the limits are those of the member itself", () => {
  const most = { clients: 10_000, http: 1_000, peers: 1_024, handshakes: 1_000 };
  for (const filesMax of [65_536, 1_048_576, 2 ** 64]) {
    expect(connectionPlaces(filesMax)).toEqual(most);
  }
});

test("where little may be open, what the member needs itself stays free", () => {
  for (const filesMax of [512, 1024, 4096, 20_000]) {
    const { clients, http, peers, handshakes } = connectionPlaces(filesMax);
    expect(clients + 2 * http + peers + 4 * handshakes).toBeLessThanOrEqual(filesMax - 150);
    expect(clients).toBeGreaterThan(filesMax / 3);
  }
});

test("however little it is, somebody may come", () => {
  expect(connectionPlaces(64)).toEqual({ clients: 8, http: 8, peers: 8, handshakes: 8 });
});
