import { describe, expect, test } from "vitest";
import { compareMinor } from "../base/version.ts";
import { EtcdError } from "../errors.ts";
import { decodeEntryContent } from "../proto/internal-codec.ts";
import { deriveClusterId, deriveMemberId } from "./member-ids.ts";
import { type Member, memberJson, parseMember, parseMembers } from "./member-record.ts";
import { parsePeerUrls } from "./peer-urls.ts";
import { encodePublication, type Publication, publicationOf } from "./publication.ts";
import {
  type Connectivity,
  checkAddition,
  checkPromotion,
  checkRemoval,
  isLearnerReady,
} from "./reconfiguration.ts";
import { decideClusterVersion, isCompatible } from "./versions.ts";

const NOW = 100_000;

function cluster(size: number): Member[] {
  return Array.from({ length: size }, (_, i) => ({
    id: BigInt(i + 1),
    peerUrls: [`http://127.0.0.1:${24_300 + i}`],
    isLearner: false,
    name: `m${i + 1}`,
    clientUrls: [],
  }));
}

function without(down: readonly bigint[], since = NOW - 60_000): Connectivity {
  return {
    localId: 1n,
    nowMs: NOW,
    activeSince: (id) => (down.includes(id) ? undefined : since),
  };
}

function outcome(check: () => void): string {
  try {
    check();
    return "ok";
  } catch (error) {
    return error instanceof EtcdError ? error.code : "broken";
  }
}

describe("ids", () => {
  test("a member's id comes from its URLs, whatever their order, and the token", () => {
    expect(deriveMemberId(["http://127.0.0.1:22381"], "tok1")).toBe(0xf68a2664a37ca89cn);
    const urls = ["http://b:1", "http://a:1"];
    expect(deriveMemberId(urls, "t")).toBe(deriveMemberId([...urls].reverse(), "t"));
    expect(deriveMemberId(urls, "", 1000)).not.toBe(deriveMemberId(urls, "", 1001));
  });

  test("the cluster's id comes from its initial members", () => {
    const ids = [22381, 22382, 22383].map((port) =>
      deriveMemberId([`http://127.0.0.1:${port}`], "tok1"),
    );
    expect(deriveClusterId(ids)).toBe(0x866059e473ebad9bn);
    expect(deriveClusterId(ids.reverse())).toBe(0x866059e473ebad9bn);
  });

  test("ids beyond 2^53 survive JSON", () => {
    const member = { ...(cluster(1)[0] as Member), id: 2n ** 64n - 1n };
    expect(memberJson(member)).toContain('"id":18446744073709551615,');
    expect(parseMember(memberJson(member))).toEqual(member);
    expect(parseMembers(`[${memberJson(member)}]\n`)).toEqual([member]);
    expect(parseMembers('[{"id":1,"peerURLs":null}]')?.[0]?.peerUrls).toEqual([]);
    for (const bad of [
      "",
      "{}",
      '[{"id":0}]',
      '[{"id":1,"peerURLs":[1]}]',
      "[1]",
      '[{"id":1.5}]',
    ]) {
      expect(parseMembers(bad)).toBeUndefined();
    }
  });
});

describe("peer URLs", () => {
  test("are trimmed and sorted, as often as they are named", () => {
    expect(parsePeerUrls([" http://b:2 ", "https://a:1", "http://b:2", "unix://x:1"])).toEqual([
      "http://b:2",
      "http://b:2",
      "https://a:1",
      "unix://x:1",
    ]);
    expect(parsePeerUrls(["http://[::1]:2380"])).toEqual(["http://[::1]:2380"]);
  });

  test("have their scheme in small letters, however it was written", () => {
    const urls = ["HTTP://A:1", "Https://b:2", "UNIX://x:1"];
    expect(parsePeerUrls(urls)).toEqual(["http://A:1", "https://b:2", "unix://x:1"]);
  });

  test.each([
    [[]],
    [["http://a"]],
    [["ftp://a:1"]],
    [["http://a:1/"]],
    [["http://a:1/path"]],
    [["http://a:70000"]],
    [["http://a:1?x"]],
    [["a:1"]],
    [["http://a b:1"]],
    [["http://a:b:1"]],
    [["http://::1:2380"]],
    [["http://a%zz:1"]],
    [["http://a^b:1"]],
    [["http://a,b:1"]],
    [["http://a\u0000:1"]],
  ])("%j would stop a Go member and is refused", (urls) => {
    expect(parsePeerUrls(urls)).toBeUndefined();
  });
});

describe("may the cluster be changed now", () => {
  test("a voter is added while a quorum of the larger cluster is connected, whoever is down", () => {
    for (let size = 2; size <= 7; size++) {
      for (let downCount = 0; downCount < size; downCount++) {
        const down = cluster(size)
          .slice(size - downCount)
          .map(({ id }) => id);
        const hasQuorum = size - downCount >= Math.floor((size + 1) / 2) + 1;
        const expected = hasQuorum ? "ok" : "Unhealthy";
        for (const isLearner of [false, true]) {
          const check = () => checkAddition(cluster(size), { isLearner }, without(down));
          expect([size, downCount, outcome(check)]).toEqual([size, downCount, expected]);
        }
      }
    }
  });

  test("a voter is added while a quorum of the larger cluster has started", () => {
    for (let size = 1; size <= 7; size++) {
      for (let started = 1; started <= size; started++) {
        const members = cluster(size).map((m, i) => (i < started ? m : { ...m, name: "" }));
        const isFine = size === 1 || started >= Math.floor((size + 1) / 2) + 1;
        const check = () => checkAddition(members, { isLearner: false }, without([]));
        expect(outcome(check)).toBe(isFine ? "ok" : "MemberNotEnoughStarted");
        expect(outcome(() => checkAddition(members, { isLearner: true }, without([])))).toBe("ok");
      }
    }
  });

  test("a connection younger than five seconds does not count", () => {
    const add = (since: number) => () =>
      checkAddition(cluster(3), { isLearner: false }, without([], since));
    expect(outcome(add(NOW - 5000))).toBe("ok");
    expect(outcome(add(NOW - 4999))).toBe("Unhealthy");
  });

  test("a reachable voter is removed only if a quorum stays, an unreachable one at once", () => {
    expect(outcome(() => checkRemoval(cluster(3), 2n, without([])))).toBe("ok");
    expect(outcome(() => checkRemoval(cluster(3), 2n, without([3n])))).toBe("Unhealthy");
    expect(outcome(() => checkRemoval(cluster(3), 3n, without([3n])))).toBe("ok");
    expect(outcome(() => checkRemoval(cluster(3), 1n, without([3n])))).toBe("Unhealthy");
    expect(outcome(() => checkRemoval(cluster(5), 1n, without([4n])))).toBe("ok");
    expect(outcome(() => checkRemoval(cluster(5), 1n, without([4n, 5n])))).toBe("Unhealthy");
    expect(outcome(() => checkRemoval(cluster(1), 1n, without([])))).toBe("MemberNotEnoughStarted");
    const unstarted = cluster(3).map((m) => (m.id === 1n ? m : { ...m, name: "" }));
    const removal = () => checkRemoval(unstarted, 3n, without([2n, 3n]));
    expect(outcome(removal)).toBe("MemberNotEnoughStarted");
  });

  test("a learner is removed without asking", () => {
    const members = cluster(3).map((m) => ({ ...m, isLearner: m.id === 3n, name: "" }));
    expect(outcome(() => checkRemoval(members, 3n, without([1n, 2n, 3n])))).toBe("ok");
  });

  test("a learner is promoted when it holds nine tenths of the log, published or not", () => {
    expect(isLearnerReady({ learner: 90, leader: 100 })).toBe(true);
    expect(isLearnerReady({ learner: 89, leader: 100 })).toBe(false);
    expect(outcome(() => checkPromotion(cluster(1)))).toBe("ok");
    const unstarted = cluster(3).map((m) => (m.id === 1n ? m : { ...m, name: "" }));
    expect(outcome(() => checkPromotion(unstarted))).toBe("MemberNotEnoughStarted");
  });
});

describe("the cluster version", () => {
  test.each([
    [undefined, ["3.5.30", "3.5.16"], "3.5.0"],
    [undefined, ["3.5.30", undefined], "3.0.0"],
    [undefined, ["3.5.30", "3.4.23"], "3.4.0"],
    ["3.4.0", ["3.5.30", "3.5.1"], "3.5.0"],
    ["3.4.0", ["3.5.30", undefined], undefined],
    ["3.5.0", ["3.5.30", "3.6.1"], undefined],
    ["3.5.0", ["3.5.30", "3.4.23"], undefined],
    ["3.5.0", ["4.0.0", "4.0.0"], undefined],
    ["3.5.0", ["3.5.30", "rubbish"], undefined],
  ])("from %s with members of %j goes to %s", (current, servers, expected) => {
    expect(decideClusterVersion(current, servers)).toBe(expected);
  });

  test("goes back only to the target of a downgrade", () => {
    expect(decideClusterVersion("3.5.0", ["3.4.2", "3.4.1"], "3.4.0")).toBe("3.4.0");
    expect(decideClusterVersion("3.5.0", ["3.3.2", "3.4.1"], "3.4.0")).toBeUndefined();
  });

  test("is compatible between 3.0 and one's own minor version", () => {
    expect(isCompatible("3.0.0", "3.5.21")).toBe(true);
    expect(isCompatible("3.5.0", "3.5.21")).toBe(true);
    expect(isCompatible("3.6.0", "3.5.21")).toBe(false);
    expect(isCompatible("2.3.0", "3.5.21")).toBe(false);
    expect(isCompatible("not_decided", "3.5.21")).toBe(false);
    expect(compareMinor("3.10.0", "3.9.9")).toBeGreaterThan(0);
  });
});

test("publications are written as every member of the cluster can read them, and read in both forms", () => {
  const publications: Publication[] = [
    { kind: "version", version: "3.5.0" },
    {
      kind: "attributes",
      memberId: 0xf68a2664a37ca89cn,
      attributes: { name: "m1", clientUrls: ["http://127.0.0.1:12381"] },
    },
  ];
  for (const publication of publications) {
    for (const version of [undefined, "3.4.0"]) {
      const content = decodeEntryContent(encodePublication(publication, 5n, version));
      expect(content.kind).toBe("v2");
      if (content.kind === "v2") expect(publicationOf(content.request)).toEqual(publication);
    }
    const field = publication.kind === "version" ? 1300 : 1301;
    const content = decodeEntryContent(encodePublication(publication, 5n, "3.5.0"));
    expect(content).toMatchObject({ kind: "request", field, header: { id: 5n } });
  }
});

test("other v2 requests publish nothing", () => {
  const request = (Method: string, Path: string, Val = "{}") => ({ Method, Path, Val }) as never;
  expect(publicationOf(request("SYNC", "/0/version"))).toBeUndefined();
  expect(publicationOf(request("PUT", "/1/key"))).toBeUndefined();
  expect(publicationOf(request("PUT", "/0/members/zz/attributes"))).toBeUndefined();
  expect(publicationOf(request("PUT", "/0/members/5/attributes", "rubbish"))).toBeUndefined();
});
