import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SeededRandom } from "../../server/base/random.ts";
import { encodeMessage } from "../../server/proto/codec.ts";
import { EntryType } from "../../server/raft/entry.ts";
import { BLANK_MESSAGE, type Message, MessageType } from "../../server/raft/message.ts";
import { ClusterClient, leaderAt, must } from "../harness/cluster-client.ts";
import { ClusterProcess, type MemberProcess } from "../harness/member-process.ts";
import { Ordeal } from "../harness/ordeal.ts";

// Whoever knows the cluster's id, and the peer port asks no more of anybody without TLS, sends a
// cluster what no member would.

const SEED = 20_263;
const LIMIT_MS = 15_000;
const MIB = 1024 * 1024;

let cluster: ClusterProcess;
let client: ClusterClient;
let ordeal: Ordeal;
let member: MemberProcess;
let clusterId: string;
/** Of the members, the one under attack first. */
let ids: readonly bigint[];
let term: number;

beforeAll(async () => {
  cluster = await ClusterProcess.start({ make: "quorate", size: 3 });
  client = new ClusterClient(cluster.members);
  const at = await leaderAt(cluster);
  member = cluster.member(at);
  const outcomes = await Promise.all(cluster.members.map((_, each) => client.status(each)));
  const statuses = outcomes.map(must);
  const all = statuses.map(({ header }) => header?.memberId ?? 0n);
  ids = [all[at] ?? 0n, ...all.toSpliced(at, 1)];
  term = Number(statuses[at]?.raftTerm);
  const { headers } = await fetch(`${member.peerUrl}/members`);
  clusterId = headers.get("x-etcd-cluster-id") ?? "";
  ordeal = await Ordeal.begin(member, [`${member.clientUrl}/health`, `${member.peerUrl}/version`]);
});

afterAll(async () => {
  ordeal?.close();
  client?.close();
  await cluster?.stop();
});

interface Post {
  readonly path: string;
  readonly body: Buffer;
  /** That it claims to have; then it comes to an end. */
  readonly length?: number | string;
  readonly cluster?: string;
}

function headers({ path, length, cluster: asked }: Omit<Post, "body">): string {
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: a",
    "Connection: close",
    `Content-Length: ${length}`,
    `X-Etcd-Cluster-ID: ${asked ?? clusterId}`,
    `X-Server-From: ${ids[1]?.toString(16)}`,
    "X-Server-Version: 3.5.16",
    "X-Min-Cluster-Version: 3.0.0",
  ];
  return `${head.join("\r\n")}\r\n\r\n`;
}

/** Sends it as it is; resolves with the status of the answer, or undefined when it is only closed. */
function post(request: Post): Promise<number | undefined> {
  const { hostname, port } = new URL(member.peerUrl);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let text = "";
    // How it ends is told by the close that follows.
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
    });
    socket.on("close", () => {
      const status = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1];
      resolve(status === undefined ? undefined : Number(status));
    });
    const { body } = request;
    socket.write(Buffer.concat([Buffer.from(headers({ length: body.length, ...request })), body]));
    if (request.length !== undefined) socket.end();
  });
}

/** From another member to the one under attack, of this term. */
function message(fields: Partial<Message>): Buffer {
  const [to = 0n, from = 0n] = ids;
  return encodeMessage({ ...BLANK_MESSAGE, to, from, term, ...fields });
}

function proposal(data: Buffer, type: EntryType = EntryType.NORMAL): Buffer {
  return message({ type: MessageType.PROPOSAL, entries: [{ type, term: 0, index: 0, data }] });
}

const RUBBISH = Buffer.from([0xff, 0xff, 1, 2, 3]);

interface Refused {
  readonly name: string;
  readonly says: () => Omit<Post, "path">;
  readonly status: number;
}

const MESSAGES: readonly Refused[] = [
  { name: "no message", says: () => ({ body: RUBBISH }), status: 400 },
  { name: "half a message", says: () => ({ body: message({}).subarray(0, 7) }), status: 400 },
  { name: "less than it says", says: () => ({ body: message({}), length: 90 }), status: 400 },
  {
    name: "next to nothing of a terabyte",
    says: () => ({ body: RUBBISH, length: 2 ** 40 }),
    status: 400,
  },
  { name: "no number of bytes", says: () => ({ body: RUBBISH, length: "1e3" }), status: 400 },
  { name: "another cluster's", says: () => ({ body: message({}), cluster: "1" }), status: 412 },
  { name: "no cluster's", says: () => ({ body: message({}), cluster: "zz" }), status: 412 },
  { name: "one for another member", says: () => ({ body: message({ to: 7n }) }), status: 500 },
  { name: "one for nobody", says: () => ({ body: Buffer.alloc(0) }), status: 500 },
  {
    name: "one of a type that nobody knows",
    says: () => ({ body: message({ type: 99 as MessageType }) }),
    status: 204,
  },
  {
    name: "a second leader's",
    says: () => ({ body: message({ type: MessageType.APPEND }) }),
    status: 204,
  },
  { name: "a commit far ahead", says: () => ({ body: message({ commit: 2 ** 40 }) }), status: 204 },
  {
    name: "a term that no election reaches",
    says: () => ({ body: message({ term: 2 ** 52 }) }),
    status: 204,
  },
  {
    name: "a gap",
    says: () => ({
      body: message({
        type: MessageType.APPEND,
        index: 2 ** 40,
        logTerm: term,
        entries: [{ type: EntryType.NORMAL, term, index: 7, data: RUBBISH }],
      }),
    }),
    status: 204,
  },
  {
    name: "what it cannot have",
    says: () => ({ body: message({ type: MessageType.APPEND_RESPONSE, index: 2 ** 40 }) }),
    status: 204,
  },
  {
    name: "a request that nobody can read",
    says: () => ({ body: proposal(RUBBISH) }),
    status: 204,
  },
  {
    name: "a change of members that nobody can read",
    says: () => ({ body: proposal(RUBBISH, EntryType.CONF_CHANGE) }),
    status: 204,
  },
];

test.each(MESSAGES)(
  "a message: $name, is answered by $status and does nothing",
  async ({ says, status }) => {
    await ordeal.during(async () => {
      for (let count = 0; count < 10; count++) {
        expect(await post({ path: "/raft", ...says() })).toBe(status);
      }
    });
  },
);

/** Those that move a leader are none of its business. */
const TYPES = Object.values(MessageType).filter(
  (type) => type !== MessageType.TRANSFER_LEADER && type !== MessageType.TIMEOUT_NOW,
);

test("a thousand messages with anything in them, none of a later term", async () => {
  const random = new SeededRandom(SEED);
  const pick = <T>(values: readonly T[]) => values[random.below(values.length)] as T;
  const number = () => pick([0, 1, 2, 5, 100, 2 ** 32, 2 ** 52, Number.MAX_SAFE_INTEGER]);
  const bytes = () =>
    Buffer.from(Array.from({ length: random.below(40) }, () => random.below(256)));
  const entry = () => ({
    type: pick([EntryType.NORMAL, EntryType.CONF_CHANGE]),
    term: pick([0, 1, term]),
    index: number(),
    data: bytes(),
  });
  const anything = () =>
    message({
      type: pick(TYPES),
      from: pick([...ids, 0n, 7n]),
      term: pick([0, 1, term]),
      logTerm: number(),
      index: number(),
      entries: Array.from({ length: random.below(3) }, entry),
      commit: number(),
      reject: random.below(2) === 1,
      rejectHint: number(),
      context: bytes(),
    });
  await ordeal.during(async () => {
    for (let round = 0; round < 50; round++) {
      const answers = Array.from({ length: 20 }, () => post({ path: "/raft", body: anything() }));
      expect(new Set(await Promise.all(answers))).toEqual(new Set([204]));
    }
  });
});

function framed(bytes: Buffer, length = bytes.length): Buffer {
  const head = Buffer.alloc(8);
  head.writeBigUInt64BE(BigInt(length));
  return Buffer.concat([head, bytes]);
}

function snapshot(index: number): Buffer {
  const confState = { voters: [...ids], learners: [] };
  return message({ type: MessageType.SNAPSHOT, snapshot: { index, term, confState } });
}

const SNAPSHOTS: readonly Refused[] = [
  { name: "nothing", says: () => ({ body: Buffer.alloc(0) }), status: 400 },
  { name: "half a length", says: () => ({ body: Buffer.alloc(5) }), status: 400 },
  { name: "a length beyond all", says: () => ({ body: Buffer.alloc(100, 0xff) }), status: 400 },
  { name: "no message", says: () => ({ body: framed(RUBBISH) }), status: 400 },
  { name: "half a message", says: () => ({ body: framed(message({}), 2 ** 20) }), status: 400 },
  { name: "another message", says: () => ({ body: framed(message({})) }), status: 400 },
  {
    name: "another cluster's",
    says: () => ({ body: framed(snapshot(9)), cluster: "1" }),
    status: 412,
  },
  { name: "no database", says: () => ({ body: framed(snapshot(2 ** 40)) }), status: 500 },
  {
    name: "a database that is none",
    says: () => ({ body: Buffer.concat([framed(snapshot(2 ** 40)), Buffer.alloc(MIB, 7)]) }),
    status: 500,
  },
];

test.each(SNAPSHOTS)(
  "a snapshot: $name, is answered by $status and leaves nothing",
  async ({ says, status }) => {
    await ordeal.during(async () => {
      const answers = Array.from({ length: 4 }, () => post({ path: "/raft/snapshot", ...says() }));
      expect(await Promise.all(answers)).toEqual([status, status, status, status]);
    });
    expect(readdirSync(join(member.options.dataDir, "member/incoming"))).toEqual([]);
  },
);

/** Sends the beginning, and then the same again and again until the connection is closed. */
function pourWithoutEnd(first: Buffer, again: Buffer): Promise<number> {
  const { hostname, port } = new URL(member.peerUrl);
  return new Promise((resolve) => {
    let sent = first.length;
    const socket = connect(Number(port), hostname);
    const goOn = () => {
      while (!socket.destroyed && socket.write(again)) sent += again.length;
    };
    // How it ends is told by the close that follows.
    socket.on("error", () => socket.destroy());
    socket.on("drain", goOn);
    socket.on("close", () => resolve(sent));
    socket.resume();
    socket.write(first);
    goOn();
  });
}

/** Databases and messages that do not end, two of a kind at once; what could be sent of each. */
async function flood(): Promise<number[]> {
  const headOf = (path: string) => Buffer.from(headers({ path, length: 2 ** 40 }));
  const filler = Buffer.alloc(MIB, 7);
  const database = Buffer.concat([headOf("/raft/snapshot"), framed(snapshot(2 ** 40))]);
  const beginnings = [database, headOf("/raft"), headOf("/raft/snapshot")];
  const twice = beginnings.flatMap((first) => [first, first]);
  return Promise.all(twice.map((first) => pourWithoutEnd(first, filler)));
}

test("snapshots and messages without end are cut off early", async () => {
  await ordeal.during(async () => {
    expect(Math.max(...(await flood()))).toBeLessThan(150 * MIB);
  });
});

test("when they are gone, so is what they took", async () => {
  await ordeal.outlasts(async () => {
    await flood();
  });
});

/** Opens a member's stream in its name, and reads nothing of it. */
function takeStream(kind: string, from: bigint): Promise<Socket> {
  const { hostname, port } = new URL(member.peerUrl);
  const head = headers({ path: "", length: 0 }).split("\r\n").slice(1);
  const lines = [`GET /raft/stream/${kind}/${from.toString(16)} HTTP/1.1`, ...head];
  lines.splice(1, 0, `X-Raft-To: ${ids[0]?.toString(16)}`);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    // A stream that was taken back.
    socket.on("error", () => socket.destroy());
    socket.once("data", () => {
      socket.pause();
      resolve(socket);
    });
    socket.on("close", () => resolve(socket));
    socket.write(lines.join("\r\n"));
  });
}

test("who takes a member's streams in its name, again and again, harms that member alone", async () => {
  await ordeal.during(async () => {
    for (let round = 0; round < 10; round++) {
      const streams = await Promise.all(
        ["msgapp", "message"].map((kind) => takeStream(kind, ids[1] ?? 0n)),
      );
      await delay(50);
      for (const stream of streams) stream.destroy();
    }
  });
});

test("messages of later terms depose a leader and end nobody", async () => {
  const before = cluster.members.map(({ pid }) => pid);
  for (const [at, later] of [1, 5, 1_000, 1_000_000].entries()) {
    for (const type of [MessageType.HEARTBEAT, MessageType.VOTE, MessageType.APPEND]) {
      const fields = { type, term: term + later, commit: 2 ** 40, index: 5, logTerm: 1 };
      await post({
        path: "/raft",
        body: message({ ...fields, from: at % 2 === 0 ? 7n : (ids[1] ?? 0n) }),
      });
    }
  }
  const put = async () => "response" in (await client.put(0, "after", "1", 1_000));
  await expect.poll(put, { timeout: LIMIT_MS }).toBe(true);
  expect(cluster.members.map(({ pid }) => pid)).toEqual(before);
});
