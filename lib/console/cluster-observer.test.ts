import { beforeEach, expect, test, vi } from "vitest";
import { MemberListResponse, StatusResponse } from "../../server/proto/gen/rpc.ts";
import type { Method } from "../etcd/channel.ts";
import type { EtcdClient } from "../etcd/client.ts";
import { ClusterError } from "../etcd/cluster-error.ts";
import { ClusterObserver } from "./cluster-observer.ts";

// A look over members that are played here; over real ones it is tested in e2e/compat.

const A = "http://a:2379";
const B = "http://b:2379";
const C = "http://c:2379";
const ID_OF = new Map([
  [A, 1n],
  [B, 2n],
  [C, 3n],
]);

let told: Map<string, Partial<StatusResponse>>;
let asked: string[];
/** Before its own, by the member. */
let alsoAdvertised: Map<bigint, string[]>;
/** What an answer waits for. */
let answersOf: Map<string, Promise<void>>;

beforeEach(() => {
  told = new Map([...ID_OF.keys()].map((url) => [url, {}]));
  asked = [];
  answersOf = new Map();
  alsoAdvertised = new Map();
});

const unreachable = () => new ClusterError("unreachable", "no connection");

function statusAt(url: string): StatusResponse {
  const own = told.get(url);
  const memberId = ID_OF.get(url);
  if (own === undefined || memberId === undefined) throw unreachable();
  return StatusResponse.fromPartial({
    header: { memberId, revision: 5 },
    leader: 1n,
    raftTerm: 2,
    raftIndex: 100,
    raftAppliedIndex: 100,
    ...own,
  });
}

function clientOf(...endpoints: string[]): EtcdClient {
  const members = [...ID_OF].map(([url, ID]) => ({
    ID,
    name: `m${ID}`,
    clientURLs: [...(alsoAdvertised.get(ID) ?? []), url],
  }));
  const client = {
    endpoints,
    ask: async (url: string) => {
      asked.push(url);
      await answersOf.get(url);
      return statusAt(url);
    },
    read: async (_: unknown, method: Method<unknown, unknown>) => {
      asked.push(method.name);
      if (!endpoints.some((url) => told.has(url))) throw unreachable();
      return method.name === "MemberList"
        ? MemberListResponse.fromPartial({ header: { clusterId: 9n }, members })
        : {};
    },
  };
  return client as unknown as EtcdClient;
}

const FORGETFUL = { load: () => undefined, save: () => undefined };

test("alarms are told together by all who follow the leader, without an entry in the log", async () => {
  told.set(A, { errors: ["memberID:1 alarm:NOSPACE "] });
  told.set(B, { errors: ["memberID:1 alarm:NOSPACE ", "alarm:CORRUPT ", "a fault"] });
  const look = await new ClusterObserver(clientOf(A, B, C), FORGETFUL).look();
  expect(look.alarms).toEqual([
    { memberId: "1", memberName: "m1", alarm: "NOSPACE" },
    { memberId: "0", memberName: "", alarm: "CORRUPT" },
  ]);
  expect(look.members.map(({ status }) => status?.errors)).toEqual([[], ["a fault"], []]);
  expect(asked).not.toContain("Alarm");
});

test.each<[who: string, own: Partial<StatusResponse>]>([
  ["a member without a leader", { leader: 0n, raftTerm: 7 }],
  ["the leader of an older term", { leader: 3n, raftTerm: 1 }],
  ["a learner", { isLearner: true }],
])("an alarm that only %s still tells of is over", async (_, own) => {
  told.set(C, { ...own, errors: ["memberID:1 alarm:NOSPACE "] });
  const look = await new ClusterObserver(clientOf(A, B, C), FORGETFUL).look();
  expect(look.alarms).toEqual([]);
  told = new Map([[C, { ...own, errors: ["memberID:1 alarm:NOSPACE "] }]]);
  const alone = await new ClusterObserver(clientOf(C), FORGETFUL).look();
  expect(alone.alarms).toEqual([{ memberId: "1", memberName: "m1", alarm: "NOSPACE" }]);
});

test("alarms are known without a quorum, and not known when no member answers", async () => {
  told = new Map([[B, { leader: 0n, errors: ["etcdserver: no leader", "alarm:CORRUPT "] }]]);
  const left = await new ClusterObserver(clientOf(B), FORGETFUL).look();
  expect(left.alarms).toEqual([{ memberId: "0", memberName: "", alarm: "CORRUPT" }]);
  told.clear();
  const dark = await new ClusterObserver(clientOf(B), FORGETFUL).look();
  expect(dark.alarms).toBeNull();
});

test("a member lags behind the furthest of all members, also of those that are no endpoint", async () => {
  told.set(A, { raftIndex: 50_100, raftAppliedIndex: 50_100 });
  const look = await new ClusterObserver(clientOf(B), FORGETFUL).look();
  expect(look.members.map(({ status }) => status?.commitLag)).toEqual([0, 50_000, 50_000]);
});

test("members once found are asked while the endpoints are, not after them", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const observer = new ClusterObserver(clientOf(B), FORGETFUL);
    await observer.look();
    vi.advanceTimersByTime(1_000);
    asked = [];
    let answer = (): void => undefined;
    answersOf.set(B, new Promise((resolve) => (answer = resolve)));
    const second = observer.look();
    expect(asked.filter((what) => ID_OF.has(what))).toEqual([B, A, C]);
    answer();
    expect((await second).members.map(({ health }) => health)).toEqual(["up", "up", "up"]);
    expect(asked.filter((what) => ID_OF.has(what))).toHaveLength(3);
  } finally {
    vi.useRealTimers();
  }
});

test("the addresses of a member are asked at once, and the first answer is enough", async () => {
  const silent = ["http://x:2379", "http://y:2379"];
  alsoAdvertised.set(3n, silent);
  for (const url of silent) answersOf.set(url, new Promise(() => undefined));
  const look = await new ClusterObserver(clientOf(A, B), FORGETFUL).look();
  expect(asked.slice(-3)).toEqual([...silent, C]);
  expect(look.members.at(-1)).toMatchObject({ health: "up", endpoint: C });
});

test("a member that answers behind none of its addresses is told by the first of them", async () => {
  alsoAdvertised.set(
    3n,
    Array.from({ length: 20 }, (_, at) => `http://x${at}:2379`),
  );
  told.delete(C);
  const look = await new ClusterObserver(clientOf(A, B), FORGETFUL).look();
  expect(asked.filter((url) => url.startsWith("http://x"))).toHaveLength(8);
  expect(look.members.at(-1)).toMatchObject({ health: "unreachable", endpoint: "http://x0:2379" });
});

test("all who ask during a look share it, however long it lasts, and shortly after it", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const observer = new ClusterObserver(clientOf(A, B, C), FORGETFUL);
    const statuses = () => asked.filter((what) => what === A).length;
    let answer = (): void => undefined;
    answersOf.set(B, new Promise((resolve) => (answer = resolve)));
    const first = observer.look();
    vi.advanceTimersByTime(5_000);
    const second = observer.look();
    expect(statuses()).toBe(1);
    answer();
    expect(await second).toEqual(await first);
    vi.advanceTimersByTime(600);
    expect(await observer.look()).toEqual({ ...(await first), ageMs: 600 });
    expect(statuses()).toBe(1);
    vi.advanceTimersByTime(100);
    await observer.look();
    expect(statuses()).toBe(2);
  } finally {
    vi.useRealTimers();
  }
});
