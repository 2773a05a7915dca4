import { beforeEach, describe, expect, test } from "vitest";
import { hexId } from "../base/bytes.ts";
import { SeededRandom } from "../base/random.ts";
import { type ErrorCode, EtcdError } from "../errors.ts";
import type { ConfChangeEntry } from "../proto/conf-codec.ts";
import { ConfChangeType } from "../raft/entry.ts";
import type { Row } from "../storage/engine.ts";
import type { Table } from "../storage/tables.ts";
import { additionOf, promotionOf, removalOf, updateOf } from "./conf-changes.ts";
import type { Member } from "./member-record.ts";
import { Membership, type MembershipTables } from "./membership.ts";

class MapTables implements MembershipTables {
  readonly rows = new Map<string, Buffer>();

  get(table: Table, key: Buffer): Buffer | undefined {
    return this.rows.get(`${table}/${key.toString()}`);
  }

  put(table: Table, key: Buffer, value: Buffer): void {
    this.rows.set(`${table}/${key.toString()}`, value);
  }

  delete(table: Table, key: Buffer): void {
    this.rows.delete(`${table}/${key.toString()}`);
  }

  *scan(table: Table): Iterable<Row> {
    for (const [key, value] of [...this.rows].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (key.startsWith(`${table}/`)) yield [Buffer.from(key.slice(table.length + 1)), value];
    }
  }

  text(table: Table, key: string): string | undefined {
    return this.get(table, Buffer.from(key))?.toString();
  }
}

const A = 0xf68a2664a37ca89cn;
const B = 0x6b31a1daf7332273n;
const C = 5n;

function member(id: bigint, more: Partial<Member> = {}): Member {
  const peerUrls = [`http://127.0.0.1:${23000 + Number(id % 1000n)}`];
  return { id, peerUrls, isLearner: false, name: "", clientUrls: [], ...more };
}

let tables: MapTables;
let membership: Membership;

function open(): Membership {
  return new Membership(tables, { memberId: A, clusterId: 9n });
}

function refused(change: ConfChangeEntry): ErrorCode | undefined {
  const before = new Map(tables.rows);
  const outcome = membership.apply(change);
  if (outcome.kind !== "refused") return undefined;
  expect(outcome.change.nodeId).toBe(0n);
  expect(tables.rows).toEqual(before);
  return outcome.error.code;
}

beforeEach(() => {
  tables = new MapTables();
  membership = open();
  membership.apply(additionOf(member(A, { name: "a" }), 0n));
  membership.apply(additionOf(member(B), 0n));
});

describe("applying a change", () => {
  test("an added member is stored as etcd's JSON under its id in hex", () => {
    const outcome = membership.apply(additionOf(member(C, { isLearner: true }), 7n));
    expect(outcome).toMatchObject({ kind: "added", change: { type: 3, nodeId: C } });
    expect(tables.text("members", "5")).toBe(
      '{"id":5,"peerURLs":["http://127.0.0.1:23005"],"isLearner":true}',
    );
    expect(tables.text("members", "f68a2664a37ca89c")).toBe(
      '{"id":17765053893797783708,"peerURLs":["http://127.0.0.1:23708"],"name":"a"}',
    );
    expect(membership.members.map(({ id }) => id)).toEqual([C, B, A]);
  });

  test("a promotion changes nothing but the right to vote", () => {
    const learner = member(C, { isLearner: true, name: "c", clientUrls: ["http://c:1"] });
    membership.apply(additionOf(learner, 7n));
    expect(membership.apply(promotionOf(C, 8n))).toMatchObject({
      kind: "promoted",
      change: { type: ConfChangeType.ADD_NODE, nodeId: C },
    });
    expect(membership.member(C)).toEqual({ ...learner, isLearner: false });
  });

  test("an update of the URLs changes the URLs and nothing else", () => {
    const learner = member(C, { isLearner: true, name: "c", clientUrls: ["http://c:1"] });
    membership.apply(additionOf(learner, 7n));
    const peerUrls = ["http://moved:1"];
    membership.apply(updateOf(member(C, { peerUrls, name: "x", isLearner: false }), 8n));
    expect(membership.member(C)).toEqual({ ...learner, peerUrls });
  });

  test("the URLs of an update are kept as they were sent, also over a restart", () => {
    const peerUrls = ["http://b:1", " http://a:1", "http://b:1"];
    membership.apply(updateOf(member(B, { peerUrls }), 8n));
    expect(membership.member(B)?.peerUrls).toEqual(peerUrls);
    expect(open().member(B)?.peerUrls).toEqual(peerUrls);
  });

  test("a removed member leaves its id behind, for good", () => {
    expect(membership.apply(removalOf(B, 8n))).toMatchObject({ kind: "removed" });
    expect(tables.text("members", hexId(B))).toBeUndefined();
    expect(tables.text("members_removed", hexId(B))).toBe("removed");
    expect(membership.removed).toEqual(new Set([B]));
    for (const change of [additionOf(member(B), 1n), removalOf(B, 1n), promotionOf(B, 1n)]) {
      expect(refused(change)).toBe("MemberNotFound");
    }
  });

  test("a change that breaks a rule is refused with etcd's reason and alters nothing", () => {
    expect(refused(additionOf(member(A), 1n))).toBe("MemberExist");
    const sameUrl = member(C, { peerUrls: member(B).peerUrls });
    expect(refused(additionOf(sameUrl, 1n))).toBe("PeerURLExist");
    expect(refused(updateOf(member(A, { peerUrls: member(B).peerUrls }), 1n))).toBe("PeerURLExist");
    expect(refused(updateOf(member(A), 1n))).toBeUndefined();
    expect(refused(updateOf(member(C), 1n))).toBe("MemberNotFound");
    expect(refused(removalOf(C, 1n))).toBe("MemberNotFound");
    expect(refused(promotionOf(C, 1n))).toBe("MemberNotFound");
    expect(refused(promotionOf(B, 1n))).toBe("MemberNotLearner");
    expect(refused(additionOf(member(C, { isLearner: true }), 1n))).toBeUndefined();
    expect(refused(additionOf(member(6n, { isLearner: true }), 1n))).toBe("TooManyLearners");
  });

  test("a context that names another member, or none, is refused", () => {
    const change = additionOf(member(C), 1n);
    for (const context of ["", "{}", "[]", "rubbish", '{"id":6,"peerURLs":[]}', '{"id":-5}']) {
      expect(refused({ ...change, context: Buffer.from(context) })).toBe("MemberBadURLs");
    }
  });

  test("validate says beforehand what apply would say", () => {
    expect(membership.validate(additionOf(member(A), 1n))).toEqual(new EtcdError("MemberExist"));
    expect(membership.validate(additionOf(member(C), 1n))).toBeUndefined();
    expect(membership.member(C)).toBeUndefined();
  });
});

describe("what is stored", () => {
  test("everything is found again", () => {
    membership.apply(removalOf(B, 1n));
    membership.setAttributes(A, { name: "renamed", clientUrls: ["http://a:1", "http://a:2"] });
    membership.setClusterVersion("3.5.0", "3.5.21");
    membership.setDowngrade(true, "3.4.0");
    expect(tables.text("cluster", "downgrade")).toBe('{"target-version":"3.4.0","enabled":true}');
    const again = open();
    expect(again.members).toEqual(membership.members);
    expect(again.local).toMatchObject({
      name: "renamed",
      clientUrls: ["http://a:1", "http://a:2"],
    });
    expect(again.removed).toEqual(new Set([B]));
    expect(again.clusterVersion).toBe("3.5.0");
    expect(again.downgrade).toEqual({ enabled: true, targetVersion: "3.4.0" });
  });

  test("attributes of a stranger are not kept", () => {
    expect(membership.setAttributes(C, { name: "c", clientUrls: [] })).toBe(false);
    expect(membership.member(C)).toBeUndefined();
  });

  test("after a snapshot, raft's configuration overrules a stale mark of a learner", () => {
    const stale = '{"id":5,"peerURLs":["http://c:1"],"isLearner":true,"name":"c"}';
    tables.put("members", Buffer.from("5"), Buffer.from(stale));
    membership.reload({ voters: [C, B, A], learners: [] });
    expect(membership.member(C)?.isLearner).toBe(false);
    expect(open().member(C)?.isLearner).toBe(false);
  });

  test("a record that is no member stops the member", () => {
    tables.put("members", Buffer.from("5"), Buffer.from("{}"));
    expect(open).toThrow("holds a record that is none");
  });

  test("a cluster version above one's own, or none at all, is not kept", () => {
    membership.setClusterVersion("3.4.0", "3.5.21");
    for (const version of ["3.6.0", "9.9.0", "x", ""]) {
      expect(membership.setClusterVersion(version, "3.5.21")).toBe(false);
    }
    expect(membership.clusterVersion).toBe("3.4.0");
    expect(open().clusterVersion).toBe("3.4.0");
  });
});

test("the blob of a snapshot is the tree that a Go member reads its members from", () => {
  membership.apply(additionOf(member(C, { isLearner: true }), 1n));
  membership.apply(removalOf(B, 1n));
  membership.setClusterVersion("3.5.0", "3.5.21");
  const blob = JSON.parse(membership.v2Store().toString());
  const { members, removed_members: removed, version } = blob.Root.Children["0"].Children;
  expect(blob.Root.Children["1"].Children).toEqual({});
  expect(version.Value).toBe("3.5.0");
  expect(removed.Children[hexId(B)].Path).toBe(`/0/removed_members/${hexId(B)}`);
  expect(members.Children["5"].Children.raftAttributes).toEqual({
    Path: "/0/members/5/raftAttributes",
    CreatedIndex: 1,
    ModifiedIndex: 1,
    ExpireTime: "0001-01-01T00:00:00Z",
    Value: '{"peerURLs":["http://127.0.0.1:23005"],"isLearner":true}',
    Children: null,
  });
  expect(members.Children["5"].Children.attributes).toBeUndefined();
  expect(members.Children[hexId(A)].Children.attributes.Value).toBe('{"name":"a"}');
  expect(blob).not.toHaveProperty("WatcherHub");
});

test("500 random histories end in the same lists after every restart, as a plain model says", () => {
  const random = new SeededRandom(17);
  for (let run = 0; run < 500; run++) {
    tables = new MapTables();
    membership = open();
    const model = new Map<bigint, { isLearner: boolean }>();
    const gone = new Set<bigint>();
    for (let step = 0; step < 12; step++) {
      const id = BigInt(1 + random.below(6));
      const isLearner = random.below(2) === 0;
      const action = random.below(4);
      if (action === 0) {
        const hasRoom = !isLearner || ![...model.values()].some((known) => known.isLearner);
        const isFine = !gone.has(id) && !model.has(id) && hasRoom;
        const code = refused(additionOf(member(id, { isLearner }), 1n));
        expect(code === undefined).toBe(isFine);
        if (isFine) model.set(id, { isLearner });
      } else if (action === 1) {
        const isFine = model.get(id)?.isLearner === true;
        expect(refused(promotionOf(id, 1n)) === undefined).toBe(isFine);
        if (isFine) model.set(id, { isLearner: false });
      } else if (action === 2) {
        expect(refused(removalOf(id, 1n)) === undefined).toBe(model.has(id));
        if (model.delete(id)) gone.add(id);
      } else membership = open();
    }
    const listed = membership.members.map((found) => [found.id, found.isLearner]);
    const expected = [...model].map(([id, known]) => [id, known.isLearner]);
    expect(listed).toEqual(expected.sort((a, b) => ((a[0] as never) < (b[0] as never) ? -1 : 1)));
    expect(membership.removed).toEqual(gone);
  }
});
