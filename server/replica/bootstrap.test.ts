import { describe, expect, test } from "vitest";
import type { Log } from "../base/log.ts";
import { type Member, memberJson, membersJson } from "../membership/member-record.ts";
import { decodeConfChange } from "../proto/conf-codec.ts";
import { type AskPeers, type BootstrapConfig, bootstrap, restart } from "./bootstrap.ts";

const IDS = { m1: 0xf68a2664a37ca89cn, cluster: 0x866059e473ebad9bn };
const url = (n: number) => `http://127.0.0.1:${22380 + n}`;
const initialCluster = [1, 2, 3].map((n) => `m${n}=${url(n)}`).join(",");

function config(more: Partial<BootstrapConfig> = {}): BootstrapConfig {
  return {
    name: "m1",
    initialCluster,
    initialClusterState: "new",
    initialClusterToken: "tok1",
    peerUrls: [url(1)],
    serverVersion: "3.5.21",
    ...more,
  };
}

interface Running {
  members?: readonly Member[];
  cluster?: string | undefined;
  isComingDown?: boolean;
}

/** Whoever is asked says the same, or nothing at all. */
function peers(running?: Running): AskPeers {
  const answer = <T>(value: T | undefined): Promise<T> =>
    value === undefined ? Promise.reject(new Error("refused")) : Promise.resolve(value);
  return () => ({
    members: () =>
      answer(running?.members && { clusterId: IDS.cluster, members: membersJson(running.members) }),
    version: () => answer(running && { server: "3.5.16", cluster: running.cluster }),
    downgradeEnabled: () => answer(running && running.isComingDown === true),
  });
}

function member(n: number, more: Partial<Member> = {}): Member {
  const peerUrls = [url(n)];
  return { id: BigInt(n), peerUrls, isLearner: false, name: "", clientUrls: [], ...more };
}

/** Of names that nobody else knows. */
const ADDRESSES: Readonly<Record<string, string>> = {
  "one.test": "127.0.0.1",
  "two.test": "127.0.0.1",
  "v6.test": "::1",
};

/** @param warnings is told why others were of no help */
function start(asked: BootstrapConfig, ask: AskPeers, warnings: unknown[] = []) {
  const lookUp = (host: string) => Promise.resolve(ADDRESSES[host] ?? host);
  const warn: Log["warn"] = (message, fields) => void warnings.push([message, fields]);
  return bootstrap(asked, ask, lookUp, { warn });
}

describe("names and addresses", () => {
  const named = (text: string) => text.replaceAll("127.0.0.1", "one.test");

  test("a member may advertise an address where the cluster has its name", async () => {
    const made = await start(config({ initialCluster: named(initialCluster) }), peers());
    expect(made.kind).toBe("new");
    const v6 = { initialCluster: "m1=http://v6.test:1", peerUrls: ["http://[::1]:1"] };
    expect((await start(config(v6), peers())).kind).toBe("new");
  });

  test("a scheme in capitals is none of another address", async () => {
    const loud = { initialCluster: initialCluster.replaceAll("http", "HTTP") };
    const [quietly, loudly] = [await start(config(), peers()), await start(config(loud), peers())];
    expect(loudly).toEqual(quietly);
  });

  test("a name of somebody else's is still another", async () => {
    const other = { initialCluster: "m1=http://none.test:22381", peerUrls: [url(1)] };
    await expect(start(config(other), peers())).rejects.toThrow(
      "--initial-cluster has m1=http://none.test:22381 but missing from",
    );
  });

  test("a member joins by names a cluster that knows it by address, and the other way", async () => {
    const members = [member(1), member(2), member(3)];
    const state = { initialClusterState: "existing" } as const;
    const byName = config({ ...state, initialCluster: named(initialCluster) });
    const joined = await start(byName, peers({ members, cluster: "3.5.0" }));
    expect(joined.metadata.memberId).toBe(1n);
    const theirs = members.map((each) => ({ ...each, peerUrls: each.peerUrls.map(named) }));
    const back = await start(config(state), peers({ members: theirs, cluster: "3.5.0" }));
    expect(back.metadata.memberId).toBe(1n);
  });
});

describe("a new cluster", () => {
  test("begins with the same entries on every member", async () => {
    const first = await start(config(), peers());
    expect(first.kind).toBe("new");
    expect(first.metadata).toEqual({ memberId: IDS.m1, clusterId: IDS.cluster });
    expect(first.hardState).toEqual({ term: 1, vote: 0n, commit: 3 });
    expect(first.entries.map(({ type, term, index }) => [type, term, index])).toEqual([
      [1, 1, 1],
      [1, 1, 2],
      [1, 1, 3],
    ]);
    const changes = first.entries.map(({ data }) => decodeConfChange(data));
    const ids = changes.map(({ nodeId }) => nodeId);
    expect(ids).toEqual([...ids].sort((a, b) => (a < b ? -1 : 1)));
    const own = changes.find(({ nodeId }) => nodeId === IDS.m1);
    expect(own).toMatchObject({ id: 0n, type: 0 });
    expect(own?.context.toString()).toBe(memberJson(member(1, { id: IDS.m1, name: "m1" })));
    for (const n of [2, 3]) {
      const other = await start(config({ name: `m${n}`, peerUrls: [url(n)] }), peers());
      expect(other.entries).toEqual(first.entries);
      expect(other.metadata.clusterId).toBe(IDS.cluster);
      expect(other.metadata.memberId).not.toBe(IDS.m1);
    }
  });

  test("does not begin again for a member that its peers have seen running", async () => {
    const seen = member(1, { id: IDS.m1, clientUrls: ["http://127.0.0.1:1"] });
    await expect(start(config(), peers({ members: [seen] }))).rejects.toThrow(
      "member f68a2664a37ca89c has already been bootstrapped",
    );
    const unseen = { ...seen, clientUrls: [] };
    expect((await start(config(), peers({ members: [unseen] }))).kind).toBe("new");
    expect((await start(config(), peers({ members: [] }))).kind).toBe("new");
  });
});

describe("joining a running cluster", () => {
  const joining = config({ initialClusterState: "existing" });
  const members = [member(1), member(2, { name: "m2" }), member(3, { name: "m3" })];

  test("takes ids from it and begins with an empty log", async () => {
    const joined = await start(joining, peers({ members, cluster: "3.5.0" }));
    expect(joined).toEqual({
      kind: "joined",
      metadata: { memberId: 1n, clusterId: IDS.cluster },
      hardState: { term: 0, vote: 0n, commit: 0 },
      snapshot: { index: 0, term: 0, confState: { voters: [], learners: [] } },
      entries: [],
      remotes: [
        { id: 2n, urls: [url(2)] },
        { id: 3n, urls: [url(3)] },
      ],
    });
  });

  test.each([
    ["nobody answers", undefined, "cannot fetch cluster info from peer urls: could not retrieve"],
    ["members differ in number", { members: members.slice(1) }, "member count is unequal"],
    [
      "a member is reached elsewhere",
      { members: [member(1), member(2), member(7)] },
      "PeerURLs: no match found for existing member (7, [http://127.0.0.1:22387])",
    ],
    ["its version is undecided", { members }, "incompatible with current running cluster"],
    ["its version is newer", { members, cluster: "3.6.0" }, "incompatible with current running"],
    ["its version is too old", { members, cluster: "2.3.0" }, "incompatible with current running"],
  ])("is refused when %s", async (_name, running, text) => {
    await expect(start(joining, peers(running))).rejects.toThrow(text);
  });

  test("says of everyone who was asked why he was of no help", async () => {
    const silent: unknown[] = [];
    await expect(start(joining, peers(), silent)).rejects.toThrow("cannot fetch cluster info");
    expect(silent).toEqual(
      [2, 3].map((n) => [
        "failed to get cluster response",
        { address: `${url(n)}/members`, error: "refused" },
      ]),
    );
    const mute: unknown[] = [];
    const ask: AskPeers = (urls, timeoutMs) => ({
      ...peers({ members })(urls, timeoutMs),
      version: () => Promise.reject(new Error("late")),
    });
    await expect(start(joining, ask, mute)).rejects.toThrow("incompatible with current running");
    expect(mute).toEqual(
      ["2", "3"].map((id) => ["failed to get version", { "remote-member-id": id, error: "late" }]),
    );
    const newer: unknown[] = [];
    const running = peers({ members, cluster: "3.6.0" });
    await expect(start(joining, running, newer)).rejects.toThrow("incompatible with current");
    expect(newer).toEqual([
      [
        "cluster version of remote member is not compatible",
        { "remote-member-id": "2", "remote-member-cluster-version": "3.6.0" },
      ],
    ]);
  });

  test("of a new cluster says nothing of members that do not run yet", async () => {
    const warnings: unknown[] = [];
    await start(config(), peers(), warnings);
    expect(warnings).toEqual([]);
  });

  test("is allowed one version below a cluster that is being downgraded", async () => {
    const running = { members, cluster: "3.6.0", isComingDown: true };
    expect((await start(joining, peers(running))).kind).toBe("joined");
  });
});

describe("flags that contradict each other are refused with etcd's text", () => {
  test.each([
    [{ initialCluster: "" }, `couldn't find local name "m1" in the initial cluster`],
    [{ name: "m9" }, `couldn't find local name "m9" in the initial cluster configuration`],
    [
      { initialCluster: `m1=${url(1)},m2=${url(1)}` },
      `initial cluster m1=${url(1)},m2=${url(1)} has duplicate url`,
    ],
    [
      { peerUrls: [url(5)] },
      `--initial-cluster has m1=${url(1)} but missing from --initial-advertise-peer-urls=${url(5)} ` +
        `(resolved urls: "${url(5)}" != "${url(1)}")`,
    ],
    [
      { peerUrls: [url(1), url(5)] },
      `--initial-advertise-peer-urls has ${url(5)} but missing from ` +
        `--initial-cluster=m1=${url(1)},m1=${url(5)}`,
    ],
    [{ initialCluster: "m1=ftp://a:1" }, "URL scheme must be http, https, unix, or unixs: ftp"],
    [
      { initialCluster: `m1=${url(1)}/x` },
      `error setting up initial cluster: URL must not contain a path: ${url(1)}/x`,
    ],
    [
      { initialCluster: `m1=${url(1)},m1=${url(1)}` },
      `failed to resolve ${url(1)} to match --initial-cluster=m1=${url(1)} ` +
        `(len(["${url(1)}"]) != len(["${url(1)}" "${url(1)}"]))`,
    ],
    [
      { initialCluster: "m1=http://localhost:22381" },
      `(resolved urls: "${url(1)}" != "http://localhost:22381")`,
    ],
    [{ initialCluster: "m1=http://a" }, 'URL address does not have the form "host:port"'],
    [{ initialCluster: "m1" }, "URL scheme must be"],
  ])("%j", async (more, text) => {
    await expect(start(config(more), peers())).rejects.toThrow(text);
  });

  test("but a member may have several URLs, in any order", async () => {
    const two = `m1=${url(1)},m1=${url(9)}`;
    const made = await start(config({ initialCluster: two, peerUrls: [url(9), url(1)] }), peers());
    expect(made.entries.length).toBe(1);
  });
});

test("a restart is what the log says", () => {
  const log = {
    metadata: { memberId: 1n, clusterId: 2n },
    hardState: { term: 4, vote: 1n, commit: 9 },
    snapshot: { index: 5, term: 3, confState: { voters: [1n], learners: [] } },
    entries: [],
  };
  expect(restart(log)).toEqual({ ...log, kind: "restarted", remotes: [] });
});
