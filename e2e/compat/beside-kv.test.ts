import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type HealthCheckResponse, HealthDefinition } from "../../server/proto/gen/health.ts";
import {
  AlarmRequest,
  ClusterDefinition,
  CompactionRequest,
  DowngradeRequest,
  HashKVRequest,
  KVDefinition,
  LeaseDefinition,
  LeaseGrantRequest,
  LeaseKeepAliveRequest,
  type LeaseKeepAliveResponse,
  LeaseTimeToLiveRequest,
  MaintenanceDefinition,
  MemberAddRequest,
  MemberListRequest,
  MemberPromoteRequest,
  MemberUpdateRequest,
  PutRequest,
  SnapshotRequest,
  type SnapshotResponse,
  StatusRequest,
  WatchDefinition,
  WatchRequest,
  type WatchResponse,
} from "../../server/proto/gen/rpc.ts";
import { must } from "../harness/cluster-client.ts";
import { ClusterProcess } from "../harness/member-process.ts";
import { RpcClient, type RpcOutcome } from "../harness/rpc-client.ts";
import { normalForm } from "./normal-form.ts";

// The services beside KV, request by request, odd ones above all: one member of ours and one of
// Debian's etcd are asked the same, and every answer must be equal but for ids, sizes and addresses.

interface Side {
  readonly cluster: ClusterProcess;
  readonly client: RpcClient;
  readonly memberId: bigint;
}

let sides: Side[] = [];

beforeAll(async () => {
  sides = await Promise.all(
    (["quorate", "etcd-3.5"] as const).map(async (make) => {
      const cluster = await ClusterProcess.start({ make, size: 1 });
      const client = new RpcClient(new URL(cluster.member(0).clientUrl).host);
      const { status } = MaintenanceDefinition.methods;
      const request = StatusRequest.fromPartial({});
      const { header } = must(await client.unary(MaintenanceDefinition, status, request));
      return { cluster, client, memberId: header?.memberId ?? 0n };
    }),
  );
});

afterAll(async () => {
  for (const { client, cluster } of sides) {
    client.close();
    await cluster.stop();
  }
});

/** What only 3.6 sends, and what differs between any two members. */
const BLANKED = /"(dbSize|dbSizeInUse|hash|leader|raftIndex|raftTerm|raftAppliedIndex)":[^,}]+/g;
const ADDED =
  /"(dbSizeQuota|storageVersion|downgradeInfo|hashRevision)":("[^"]*"|\{[^}]*\}|[^,}]+),?/g;

function form(kind: string, { memberId, cluster }: Side, outcome: RpcOutcome<unknown>): string {
  return normalForm(kind, sorted(outcome))
    .replaceAll(`${memberId}n`, "…own")
    .replaceAll(`memberID:${memberId} `, "memberID:…own ")
    .replaceAll(cluster.member(0).clientUrl, "…client")
    .replaceAll(cluster.member(0).peerUrl, "…peer")
    .replace(BLANKED, '"$1":"…"')
    .replace(ADDED, "");
}

/** etcd lists alarms in no certain order. */
function sorted(outcome: RpcOutcome<unknown>): RpcOutcome<unknown> {
  const { alarms } = ("response" in outcome ? outcome.response : {}) as {
    alarms?: { memberID: bigint; alarm: number }[];
  };
  alarms?.sort((a, b) => a.alarm - b.alarm || Number(a.memberID - b.memberID));
  return outcome;
}

async function compare(
  label: string,
  ask: (client: RpcClient, memberId: bigint) => Promise<RpcOutcome<unknown>>,
): Promise<void> {
  const answers = await Promise.all(
    sides.map(async (side) => form(label, side, await ask(side.client, side.memberId))),
  );
  expect.soft(answers[0], label).toBe(answers[1]);
}

describe("Maintenance", () => {
  const methods = MaintenanceDefinition.methods;

  test("Status, Hash, HashKV, Defragment", async () => {
    await compare("status", (client) =>
      client.unary(MaintenanceDefinition, methods.status, StatusRequest.fromPartial({})),
    );
    await compare("hash", (client) => client.unary(MaintenanceDefinition, methods.hash, {}));
    for (const revision of [-1, 0, 1, 99, Number.MAX_SAFE_INTEGER]) {
      const request = HashKVRequest.fromPartial({ revision });
      await compare(`hashKV ${revision}`, (client) =>
        client.unary(MaintenanceDefinition, methods.hashKV, request),
      );
    }
    await compare("defragment", (client) =>
      client.unary(MaintenanceDefinition, methods.defragment, {}),
    );
  });

  test("Alarm: every action on every alarm, known or not", async () => {
    for (const action of [1, 0, 2, 9]) {
      for (const alarm of [0, 1, 2, 7]) {
        for (const memberID of [0n, 5n]) {
          // An alarm or an action that nobody knows ends a member of etcd's.
          if (action === 9 || alarm === 7) continue;
          const request = AlarmRequest.fromPartial({ action, alarm, memberID } as AlarmRequest);
          await compare(`alarm ${action} ${alarm} ${memberID}`, (client) =>
            client.unary(MaintenanceDefinition, methods.alarm, request),
          );
        }
      }
    }
  });

  test("MoveLeader without anybody to move to", async () => {
    for (const target of [0n, 5n]) {
      await compare(`moveLeader ${target}`, (client) =>
        client.unary(MaintenanceDefinition, methods.moveLeader, { targetID: target }),
      );
    }
    await compare("moveLeader to itself", (client, memberId) =>
      client.unary(MaintenanceDefinition, methods.moveLeader, { targetID: memberId }),
    );
  });

  test("Downgrade: versions of every form", async () => {
    const ask = (action: number, version: string) => {
      const request = DowngradeRequest.fromPartial({ action, version } as DowngradeRequest);
      return compare(`downgrade ${action} ${version}`, (client) =>
        client.unary(MaintenanceDefinition, methods.downgrade, request),
      );
    };
    for (const version of [
      "",
      "x",
      "3",
      "3.4",
      "3.4.0",
      "3.4.7",
      "3.4.0-rc.1",
      "3.5",
      "3.3",
      "4.4",
    ]) {
      await ask(0, version);
    }
    for (const version of ["v3.4.0", "3.4.0.0", "03.4.0", " 3.4.0", "3.4.x", "-3.4.0"])
      await ask(0, version);
    await ask(7, "3.4.0");
    await ask(2, "");
    await ask(1, "3.3.0");
  });

  test("Downgrade: a job is made and canceled, which etcd 3.5 does without ever answering", async () => {
    const { client } = sides[0] as Side;
    const ask = async (action: 0 | 1 | 2, version: string) => {
      const request = DowngradeRequest.fromPartial({ action, version });
      return client.unary(MaintenanceDefinition, methods.downgrade, request);
    };
    expect(await ask(1, "3.4.0")).toMatchObject({ response: { version: "3.5.0" } });
    const inProcess = { failure: { text: "etcdserver: cluster has a downgrade job in progress" } };
    expect(await ask(0, "3.4.0")).toMatchObject(inProcess);
    expect(await ask(1, "3.4.0")).toMatchObject(inProcess);
    expect(await ask(2, "")).toMatchObject({ response: { version: "3.5.0" } });
    expect(await ask(2, "")).toMatchObject({
      failure: { text: "etcdserver: no inflight downgrade job" },
    });
  });

  test("Snapshot: chunks that count down, the checksum in the last", async () => {
    for (const { client } of sides) {
      const stream = client.stream(MaintenanceDefinition, methods.snapshot);
      const parts: SnapshotResponse[] = [];
      stream.on("data", (part: SnapshotResponse) => parts.push(part));
      const ended = new Promise((resolve) => stream.on("end", resolve));
      stream.write(SnapshotRequest.fromPartial({}));
      stream.end();
      await ended;
      const total = parts.reduce((sum, { blob }) => sum + blob.length, 0);
      expect(total % 512).toBe(32);
      expect(parts.at(-1)).toMatchObject({ header: undefined, remainingBytes: 0 });
      expect(parts.at(-1)?.blob.length).toBe(32);
      for (const [at, { blob, remainingBytes }] of parts.slice(0, -1).entries()) {
        const sent = parts.slice(0, at + 1).reduce((sum, part) => sum + part.blob.length, 0);
        expect(blob.length).toBeLessThanOrEqual(32 * 1024);
        expect(remainingBytes).toBe(total - 32 - sent);
      }
    }
  });
});

describe("Cluster", () => {
  const methods = ClusterDefinition.methods;

  test("MemberList, and changes that cannot be", async () => {
    for (const linearizable of [false, true]) {
      const request = MemberListRequest.fromPartial({ linearizable });
      await compare("memberList", (client) =>
        client.unary(ClusterDefinition, methods.memberList, request),
      );
    }
    const lists = [[], ["x"], [""], ["http://a"], ["http://a:1/path"], ["ftp://a:1"], ["unix://a"]];
    for (const peerURLs of [...lists, ["http://127.0.0.1:1", "y"], ["http://:1"]]) {
      // What etcd takes without a port, or from a socket, would stay in the cluster.
      if (peerURLs[0] === "unix://a" || peerURLs[0] === "http://:1") continue;
      const request = MemberAddRequest.fromPartial({ peerURLs });
      await compare(`memberAdd ${peerURLs.join()}`, (client) =>
        client.unary(ClusterDefinition, methods.memberAdd, request),
      );
    }
    for (const ID of [0n, 5n, 2n ** 64n - 1n]) {
      await compare(`memberRemove ${ID}`, (client) =>
        client.unary(ClusterDefinition, methods.memberRemove, { ID }),
      );
      const promote = MemberPromoteRequest.fromPartial({ ID });
      await compare(`memberPromote ${ID}`, (client) =>
        client.unary(ClusterDefinition, methods.memberPromote, promote),
      );
      const update = MemberUpdateRequest.fromPartial({ ID, peerURLs: ["http://127.0.0.1:1"] });
      await compare(`memberUpdate ${ID}`, (client) =>
        client.unary(ClusterDefinition, methods.memberUpdate, update),
      );
    }
    await compare("memberPromote itself", (client, ID) =>
      client.unary(ClusterDefinition, methods.memberPromote, { ID }),
    );
  });

  test("the own address cannot be given away, nor the last member be removed", async () => {
    const answers = await Promise.all(
      sides.map(async (side) => {
        const { client, cluster, memberId } = side;
        const { peerUrl } = cluster.member(0);
        const taken = MemberAddRequest.fromPartial({ peerURLs: [peerUrl] });
        const shouted = { ...taken, peerURLs: [peerUrl.replace("http", "HTTP")] };
        return [
          form("add", side, await client.unary(ClusterDefinition, methods.memberAdd, taken)),
          form("add", side, await client.unary(ClusterDefinition, methods.memberAdd, shouted)),
          form(
            "remove",
            side,
            await client.unary(ClusterDefinition, methods.memberRemove, { ID: memberId }),
          ),
        ];
      }),
    );
    expect(answers[0]).toEqual(answers[1]);
  });
});

describe("Lease", () => {
  const methods = LeaseDefinition.methods;

  test("grants of every length and number", async () => {
    const grants = [
      { ID: 1n, TTL: 0 },
      { ID: 2n, TTL: -5 },
      { ID: 3n, TTL: 1 },
      { ID: -4n, TTL: 600 },
      { ID: 5n, TTL: 9_000_000_000 },
      { ID: 6n, TTL: 9_000_000_001 },
      { ID: 5n, TTL: 600 },
      { ID: 2n ** 63n - 1n, TTL: 600 },
      { ID: -(2n ** 63n), TTL: 600 },
    ];
    for (const grant of grants) {
      const request = LeaseGrantRequest.fromPartial(grant);
      await compare(`grant ${grant.ID} ${grant.TTL}`, (client) =>
        client.unary(LeaseDefinition, methods.leaseGrant, request),
      );
    }
    for (const ID of [-4n, 5n, 2n ** 63n - 1n, 77n, 0n]) {
      const request = LeaseTimeToLiveRequest.fromPartial({ ID, keys: true });
      await compare("leaseTimeToLive", (client) =>
        client.unary(LeaseDefinition, methods.leaseTimeToLive, request),
      );
      await compare(`revoke ${ID}`, (client) =>
        client.unary(LeaseDefinition, methods.leaseRevoke, { ID }),
      );
    }
  });

  test("renewals are answered one by one, those of gone leases with 0", async () => {
    const seen = await Promise.all(
      sides.map(async (side) => {
        const stream = side.client.stream(LeaseDefinition, methods.leaseKeepAlive);
        const answers: string[] = [];
        stream.on("data", (response: LeaseKeepAliveResponse) => {
          answers.push(form("keepAlive", side, { response }));
        });
        const ended = new Promise((resolve) => stream.on("status", resolve));
        for (const ID of [0n, -(2n ** 63n), 99n, 99n]) {
          stream.write(LeaseKeepAliveRequest.fromPartial({ ID }));
        }
        stream.end();
        answers.push(JSON.stringify(await ended, ["code", "details"]));
        return answers;
      }),
    );
    expect(seen[0]).toEqual(seen[1]);
  });
});

describe("Watch", () => {
  /** All answers to the requests, up to the number expected. */
  function watch(side: Side, wanted: number, requests: readonly WatchRequest[]) {
    return new Promise<string[]>((resolve) => {
      const stream = side.client.stream(WatchDefinition, WatchDefinition.methods.watch);
      const answers: string[] = [];
      stream.on("error", () => {});
      stream.on("data", (response: WatchResponse) => {
        answers.push(form("watch", side, { response }));
        if (answers.length < wanted) return;
        stream.cancel();
        resolve(answers);
      });
      for (const request of requests) stream.write(request);
    });
  }

  const create = (fields: Parameters<typeof WatchRequest.fromPartial>[0]["createRequest"]) =>
    WatchRequest.fromPartial({ createRequest: fields });

  test("starts in the past, and where there is nothing", async () => {
    const { put, compact } = KVDefinition.methods;
    const key = Buffer.from("w");
    for (const { client } of sides) {
      for (const value of ["1", "2", "3"]) {
        const request = PutRequest.fromPartial({ key, value: Buffer.from(value) });
        must(await client.unary(KVDefinition, put, request));
      }
    }
    const cases = async () => {
      const starts = [
        { wanted: 2, startRevision: 1 },
        { wanted: 1, startRevision: 1_000_000 },
      ];
      for (const { wanted, startRevision } of starts) {
        const [ours, theirs] = await Promise.all(
          sides.map((side) => watch(side, wanted, [create({ key, startRevision, watchId: 7n })])),
        );
        expect.soft(ours, `from ${startRevision}`).toEqual(theirs);
      }
    };
    await cases();
    for (const { client } of sides) {
      const request = CompactionRequest.fromPartial({ revision: 3, physical: true });
      must(await client.unary(KVDefinition, compact, request));
    }
    await cases();
  });

  test("ids, ranges and cancels that cannot be", async () => {
    const key = Buffer.from("w");
    const cases: readonly (readonly [number, readonly WatchRequest[]])[] = [
      [2, [create({ key, watchId: 3n }), create({ key, watchId: 3n })]],
      [2, [create({ key, watchId: -7n }), create({ key })]],
      [1, [create({ key, rangeEnd: Buffer.from("a") })]],
      [1, [create({ key, rangeEnd: key })]],
      [1, [create({})]],
      [1, [create({ key, rangeEnd: Buffer.from([0]) })]],
      [
        2,
        [
          WatchRequest.fromPartial({ cancelRequest: { watchId: 9n } }),
          create({ key }),
          WatchRequest.fromPartial({ cancelRequest: { watchId: 0n } }),
        ],
      ],
      [1, [WatchRequest.fromPartial({}), create({ key })]],
    ];
    for (const [at, [wanted, requests]] of cases.entries()) {
      const [ours, theirs] = await Promise.all(sides.map((side) => watch(side, wanted, requests)));
      expect.soft(ours, `case ${at}`).toEqual(theirs);
    }
  });
});

test("Health knows the server as a whole and nothing else", async () => {
  const { check } = HealthDefinition.methods;
  for (const service of ["", "etcdserverpb.KV", "nope"]) {
    await compare(`check ${service}`, (client) =>
      client.unary(HealthDefinition, check, { service }),
    );
  }
  const { watch } = HealthDefinition.methods;
  const firsts = await Promise.all(
    sides.map(async ({ client }) => {
      const seen: number[] = [];
      for (const service of ["", "nope"]) {
        const stream = client.stream(HealthDefinition, watch);
        stream.on("error", () => {});
        stream.write({ service });
        const first = await new Promise<HealthCheckResponse>((resolve) => {
          stream.once("data", resolve);
        });
        seen.push(first.status);
        stream.cancel();
      }
      return seen;
    }),
  );
  expect(firsts[0]).toEqual(firsts[1]);
});
