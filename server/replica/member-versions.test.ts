import { expect, test } from "vitest";
import { type LogFields, SILENT_LOG } from "../base/log.ts";
import type { AddressFailure } from "../transport/peer-calls.ts";
import { MemberVersions } from "./member-versions.ts";

const [LOCAL, OTHER] = [1n, 0xabn];

test("who cannot be reached is told once, and again when the reason is another one", async () => {
  const lines: (readonly [message: string, fields?: LogFields])[] = [];
  let problem: string | undefined = "refused";
  const version = async (failed?: AddressFailure) => {
    if (problem === undefined) return { server: "3.5.16", cluster: "3.5.0" };
    failed?.("http://m2:1", problem);
    throw new Error(problem);
  };
  const member = { name: "", peerUrls: [], isLearner: false, clientUrls: [] };
  const members = [LOCAL, OTHER].map((id) => ({ ...member, id }));
  const versions = new MemberVersions({
    membership: () => ({ memberId: LOCAL, members }),
    serverVersion: "3.5.30",
    calls: () => ({ version }),
    log: { ...SILENT_LOG, warn: (message, fields = {}) => void lines.push([message, fields]) },
  });
  await expect(versions.ask()).resolves.toEqual(["3.5.30", undefined]);
  await versions.ask();
  const ids = { "remote-member-id": "ab" };
  const address = "http://m2:1/version";
  expect(lines).toEqual([
    ["failed to reach the peer URL", { address, ...ids, error: "refused" }],
    ["failed to get version", { ...ids, error: new Error("refused") }],
  ]);
  problem = "timeout";
  await versions.ask();
  expect(lines).toHaveLength(4);
  problem = undefined;
  await expect(versions.ask()).resolves.toEqual(["3.5.30", "3.5.16"]);
  problem = "timeout";
  await versions.ask();
  expect(lines).toHaveLength(6);
});
