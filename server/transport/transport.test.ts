import {
  createServer as createHttpServer,
  request as httpRequest,
  type OutgoingHttpHeaders,
} from "node:http";
import { createConnection, createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SystemClock } from "../base/clock.ts";
import { SILENT_LOG } from "../base/log.ts";
import { EtcdError } from "../errors.ts";
import { encodeMessage } from "../proto/codec.ts";
import { type Message, MessageType } from "../raft/message.ts";
import { identityHeaders } from "./identity.ts";
import { readBody } from "./peer-request.ts";
import { PeerTransport } from "./peer-transport.ts";
import type { LeaseTime, PeerQuestions, TransportEvents } from "./transport.ts";

const CLUSTER = 0x866059e473ebad9bn;

function message(to: bigint, from: bigint, more: Partial<Message> = {}): Message {
  return {
    type: MessageType.HEARTBEAT,
    to,
    from,
    term: 2,
    logTerm: 0,
    index: 0,
    entries: [],
    commit: 0,
    reject: false,
    rejectHint: 0,
    context: Buffer.alloc(0),
    ...more,
  };
}

const CONNECTIONS_MAX = 32;

/** A member without raft: it remembers what reached it. */
class Station implements TransportEvents, PeerQuestions {
  readonly id: bigint;
  readonly port: number;
  readonly transport: PeerTransport;
  readonly messages: Message[] = [];
  readonly unreachables: bigint[] = [];
  readonly outcomes: boolean[] = [];
  readonly removedIds = new Set<bigint>();
  removals = 0;
  downloads = 0;
  snapshot: { message: Message; database: Buffer } | undefined;
  snapshotError: Error | undefined;

  constructor(id: bigint, port: number, clusterId = CLUSTER) {
    this.id = id;
    this.port = port;
    this.transport = new PeerTransport({
      identity: { memberId: id, clusterId, serverVersion: "3.5.21", peerUrls: [this.url] },
      listenUrls: [this.url],
      connectionsMax: CONNECTIONS_MAX,
      dialTimeoutMs: 2000,
      readTimeoutMs: 5000,
      writeTimeoutMs: 5000,
      clock: new SystemClock(),
      log: SILENT_LOG,
      events: this,
      questions: this,
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get address() {
    return { id: this.id, urls: [this.url] };
  }

  message(arrived: Message): void {
    this.messages.push(arrived);
  }

  unreachable(id: bigint): void {
    this.unreachables.push(id);
  }

  snapshotDone(_id: bigint, delivered: boolean): void {
    this.outcomes.push(delivered);
  }

  async snapshotArrived(arrived: Message, database: AsyncIterable<Buffer>): Promise<void> {
    this.downloads++;
    if (this.snapshotError !== undefined) throw this.snapshotError;
    const chunks: Buffer[] = [];
    for await (const chunk of database) chunks.push(chunk);
    this.snapshot = { message: arrived, database: Buffer.concat(chunks) };
  }

  removed(): void {
    this.removals++;
  }

  isRemoved(id: bigint): boolean {
    return this.removedIds.has(id);
  }

  members(): string {
    return '[{"id":18446744073709551615,"peerURLs":["http://a:1"]}]\n';
  }

  clusterVersion(): string | undefined {
    return undefined;
  }

  async promote(id: bigint, token: string | undefined): Promise<string> {
    if (id === 404n) throw new EtcdError("MemberNotFound");
    if (id === 412n) throw new EtcdError("LearnerNotReady");
    if (id === 413n) throw new EtcdError("MemberNotLearner");
    return `["${token}"]`;
  }

  async hashKv(revision: number) {
    if (revision === 1) throw new EtcdError("Compacted");
    if (revision === 9) throw new EtcdError("FutureRev");
    return { revision, hash: 0xffffffff, compactRevision: -1 };
  }

  async downgradeEnabled(): Promise<boolean> {
    return true;
  }

  async keepAlive(leaseId: bigint): Promise<number> {
    if (leaseId === 1n) throw new EtcdError("LeaseNotFound");
    return 60;
  }

  async timeToLive(leaseId: bigint, withKeys: boolean): Promise<LeaseTime> {
    if (leaseId === 1n) throw new EtcdError("TimeoutWaitAppliedIndex");
    const keys = withKeys ? [Buffer.from("k")] : [];
    return { id: leaseId, ttlSeconds: 5, grantedTtlSeconds: 60, keys };
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(condition()).toBe(true);
}

/** A request as nobody but a test would send it. */
function ask(station: Station, method: string, path: string, more: OutgoingHttpHeaders, body = "") {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const options = { host: "127.0.0.1", port: station.port, method, path, agent: false as const };
    const request = httpRequest({ ...options, headers: more }, (response) => {
      const status = response.statusCode ?? 0;
      if (status === 200 && path.startsWith("/raft/stream/")) {
        response.destroy();
        resolve({ status, text: "" });
        return;
      }
      readBody(response, 1e6).then((text) => resolve({ status, text: text.toString() }), reject);
    });
    request.on("error", reject);
    request.end(Buffer.from(body, "latin1"));
  });
}

let a: Station;
let b: Station;
let stations: Station[];

async function station(id: bigint, clusterId = CLUSTER): Promise<Station> {
  const made = new Station(id, await freePort(), clusterId);
  stations.push(made);
  await made.transport.start();
  return made;
}

/** Both streams in both directions are open. */
async function connect(): Promise<void> {
  a.transport.addPeer(b.address);
  b.transport.addPeer(a.address);
  await until(
    () =>
      a.transport.activeSince(b.id) !== undefined && b.transport.activeSince(a.id) !== undefined,
  );
  // A stream counts as open for its reader; its writer may be a moment behind.
  for (const wanted of [2, 4]) {
    a.transport.send([message(b.id, a.id), message(b.id, a.id, { type: MessageType.APPEND })]);
    await until(() => b.messages.length === wanted);
  }
  b.messages.length = 0;
}

beforeEach(async () => {
  stations = [];
  a = await station(0xf68a2664a37ca89cn);
  b = await station(0x6b31a1daf7332273n);
});

afterEach(async () => {
  await Promise.all(stations.map((each) => each.transport.stop()));
});

describe("messages", () => {
  test("of one turn arrive in their order, appends and all others", async () => {
    await connect();
    const sent: Message[] = [];
    for (let i = 0; i < 200; i++) {
      const entries = [{ type: 0, term: 2, index: i + 1, data: Buffer.alloc(300, i) }] as const;
      sent.push(message(b.id, a.id, { type: MessageType.APPEND, logTerm: 2, index: i, entries }));
      sent.push(message(b.id, a.id, { commit: i }));
    }
    a.transport.send(sent);
    await until(() => b.messages.length === 400);
    const ofType = (type: number, list: Message[]) => list.filter((m) => m.type === type);
    for (const type of [MessageType.APPEND, MessageType.HEARTBEAT]) {
      expect(ofType(type, b.messages)).toEqual(ofType(type, sent));
    }
  });

  test("of many megabytes arrive whole", async () => {
    await connect();
    const entries = Array.from({ length: 20 }, (_, i) => ({
      type: 0 as const,
      term: 2,
      index: i + 1,
      data: Buffer.alloc(i === 3 ? 1_500_000 : 100_000, i),
    }));
    const large = message(b.id, a.id, { type: MessageType.APPEND, entries });
    a.transport.send([large, message(b.id, a.id, { type: MessageType.PROPOSAL, entries })]);
    await until(() => b.messages.length === 2);
    expect(b.messages.find((m) => m.type === MessageType.APPEND)).toEqual(large);
  });

  test("reach and are answered by one who is no member yet", async () => {
    a.transport.addRemote(b.address);
    a.transport.send([message(b.id, a.id, { commit: 7 })]);
    await until(() => b.messages.length === 1);
    expect(b.messages[0]?.commit).toBe(7);
    b.transport.send([message(a.id, b.id, { type: MessageType.HEARTBEAT_RESPONSE })]);
    await until(() => a.messages.length === 1);
    expect(a.transport.activeSince(b.id)).toBeUndefined();
  });

  test("flow again after the peer was away, and raft hears of the loss", async () => {
    await connect();
    await b.transport.stop();
    await until(() => a.transport.activeSince(b.id) === undefined);
    await until(() => a.unreachables.includes(b.id));
    const again = new Station(b.id, b.port);
    stations.push(again);
    again.transport.addPeer(a.address);
    await again.transport.start();
    await until(() => a.transport.activeSince(b.id) !== undefined);
    await until(() => {
      a.transport.send([message(b.id, a.id, { type: MessageType.APPEND, commit: 5 })]);
      return again.messages.some(({ commit }) => commit === 5);
    });
  });

  test("to a peer that is not there are dropped and reported, without growing", async () => {
    a.transport.addPeer({ id: 9n, urls: [`http://127.0.0.1:${await freePort()}`] });
    for (let i = 0; i < 500; i++) a.transport.send([message(9n, a.id)]);
    expect(a.unreachables.length).toBeGreaterThan(400);
    await until(() => (a.transport.traffic()[0]?.sendFailures ?? 0) >= 500);
    a.transport.send([message(0n, a.id), message(77n, a.id)]);
  });

  test("are taken from a second address when the first is dead", async () => {
    const dead = `http://127.0.0.1:${await freePort()}`;
    a.transport.addPeer({ id: b.id, urls: [dead, b.url] });
    b.transport.addPeer(a.address);
    await until(() => a.transport.activeSince(b.id) !== undefined);
  });

  test("stop when the peer is removed", async () => {
    await connect();
    a.transport.removePeer(b.id);
    a.transport.send([message(b.id, a.id, { commit: 99 })]);
    await until(() => b.transport.activeSince(a.id) === undefined);
    expect(b.messages).toEqual([]);
    expect(a.transport.traffic()).toEqual([]);
  });
});

describe("who is turned away", () => {
  const path = "/raft/stream/message/6b31a1daf7332273";
  const good = (): OutgoingHttpHeaders => ({
    ...identityHeaders({
      memberId: b.id,
      clusterId: CLUSTER,
      serverVersion: "3.5.16",
      peerUrls: [b.url],
    }),
    "X-Raft-To": a.id.toString(16),
  });

  test("a stream is refused with etcd's status and text", async () => {
    a.transport.addPeer(b.address);
    a.removedIds.add(5n);
    const cases: [string, string, OutgoingHttpHeaders, number, string][] = [
      ["GET", path, {}, 200, ""],
      ["POST", path, {}, 405, "Method Not Allowed\n"],
      ["GET", path, { "X-Server-Version": "2.3.0" }, 412, "incompatible version\n"],
      ["GET", path, { "X-Server-Version": "" }, 412, "incompatible version\n"],
      ["GET", path, { "X-Server-Version": "rubbish" }, 412, "incompatible version\n"],
      ["GET", path, { "X-Min-Cluster-Version": "3.6.0" }, 412, "incompatible version\n"],
      ["GET", path, { "X-Etcd-Cluster-ID": "1" }, 412, "cluster ID mismatch\n"],
      ["GET", "/raft/stream/other/1", {}, 404, "invalid path\n"],
      ["GET", "/raft/stream/message/zz", {}, 404, "invalid from\n"],
      ["GET", "/raft/stream/message/5", {}, 410, "removed member\n"],
      ["GET", "/raft/stream/message/6", {}, 404, "error sender not found\n"],
      ["GET", path, { "X-Raft-To": "7" }, 412, "to field mismatch\n"],
      ["GET", "/raft/nothing", {}, 404, "404 page not found\n"],
    ];
    for (const [method, where, headers, status, text] of cases) {
      const answer = await ask(a, method, where, { ...good(), ...headers });
      expect([where, headers, answer]).toEqual([where, headers, { status, text }]);
    }
  });

  test("a message that is none, or for another, is refused and nothing happens", async () => {
    a.removedIds.add(5n);
    const post = (body: Buffer, headers = {}) =>
      ask(a, "POST", "/raft", { ...good(), ...headers }, body.toString("latin1"));
    expect(await post(Buffer.from("rubbish"))).toMatchObject({
      status: 400,
      text: "error unmarshalling raft message\n",
    });
    expect(await post(encodeMessage(message(77n, b.id)))).toMatchObject({ status: 500 });
    expect(await post(encodeMessage(message(a.id, 5n)))).toMatchObject({ status: 403 });
    expect(await post(Buffer.alloc(0), { "X-Etcd-Cluster-ID": "1" })).toMatchObject({
      status: 412,
    });
    for (const forNobody of ["", "\x08\x7f"]) {
      const text = "error processing raft message\n";
      expect(await post(Buffer.from(forNobody))).toEqual({ status: 500, text });
    }
    expect(await post(encodeMessage(message(a.id, b.id, { type: 0x7f as never })))).toMatchObject({
      status: 204,
    });
    expect(a.messages).toEqual([]);
    expect(await post(encodeMessage(message(a.id, b.id)))).toMatchObject({ status: 204 });
    expect(a.messages.length).toBe(1);
  });

  test("a snapshot that is none is refused", async () => {
    const post = (body: Buffer) =>
      ask(a, "POST", "/raft/snapshot", good(), body.toString("latin1"));
    const framed = (bytes: Buffer) => {
      const length = Buffer.alloc(8);
      length.writeUInt32BE(bytes.length, 4);
      return Buffer.concat([length, bytes]);
    };
    expect(await post(Buffer.from("short"))).toMatchObject({ status: 400 });
    expect(await post(Buffer.alloc(20, 0x7f))).toEqual({
      status: 400,
      text: "failed to decode raft message (message too long)\n",
    });
    expect(await post(framed(encodeMessage(message(a.id, b.id))))).toEqual({
      status: 400,
      text: "wrong raft message type\n",
    });
    expect(a.snapshot).toBeUndefined();
  });

  test.each(["stream", "POST"])("a removed member learns of it by %s, once", async (channel) => {
    b.removedIds.add(a.id);
    if (channel === "stream") a.transport.addPeer(b.address);
    else a.transport.addRemote(b.address);
    for (let i = 0; i < 3; i++) a.transport.send([message(b.id, a.id)]);
    await until(() => a.removals > 0 && (channel === "stream" || a.unreachables.length > 2));
    expect([a.removals, b.removals]).toEqual([1, 0]);
    expect(b.messages).toEqual([]);
  });

  test("members of two clusters do not talk", async () => {
    const c = await station(3n, 1n);
    c.transport.addPeer(a.address);
    a.transport.addPeer(c.address);
    c.transport.send([message(a.id, 3n)]);
    a.transport.send([message(3n, a.id)]);
    await until(() => c.unreachables.length > 0 && a.unreachables.length > 0);
    expect([a.messages, c.messages, a.removals, c.removals]).toEqual([[], [], 0, 0]);
    expect(a.transport.activeSince(3n)).toBeUndefined();
  });
});

describe("snapshots", () => {
  const confState = { voters: [1n, 2n], learners: [3n] };
  const snapshot = { index: 300, term: 2, confState };
  const chunk = Buffer.alloc(256 * 1024, 7);
  const database = (count: number, totalBytes = count * chunk.length) => ({
    totalBytes,
    async *chunks() {
      for (let i = 0; i < count; i++) yield chunk;
    },
  });
  const outgoing = () => message(b.id, a.id, { type: MessageType.SNAPSHOT, snapshot });

  test("arrive with message and database, and the sender hears of it", async () => {
    a.transport.addPeer(b.address);
    a.transport.sendSnapshot(outgoing(), Buffer.from('{"Root":{}}'), database(40));
    await until(() => a.outcomes.length === 1);
    expect(a.outcomes).toEqual([true]);
    expect(b.snapshot?.message).toEqual(outgoing());
    expect(b.snapshot?.database.equals(Buffer.alloc(40 * chunk.length, 7))).toBe(true);
  });

  test("that the receiver cannot keep count as failed", async () => {
    a.transport.addPeer(b.address);
    b.snapshotError = new Error("disk full");
    a.transport.sendSnapshot(outgoing(), Buffer.alloc(0), database(40));
    await until(() => a.outcomes.length === 1);
    expect(a.outcomes).toEqual([false]);
  });

  test("that are shorter than announced, or go nowhere, count as failed", async () => {
    a.transport.addPeer(b.address);
    a.transport.addPeer({ id: 9n, urls: [`http://127.0.0.1:${await freePort()}`] });
    a.transport.sendSnapshot(outgoing(), Buffer.alloc(0), database(3, 10 * chunk.length));
    a.transport.sendSnapshot({ ...outgoing(), to: 9n }, Buffer.alloc(0), database(3));
    a.transport.sendSnapshot({ ...outgoing(), to: 10n }, Buffer.alloc(0), database(3));
    await until(() => a.outcomes.length === 3);
    expect(a.outcomes).toEqual([false, false, false]);
    expect(b.snapshot).toBeUndefined();
  });
});

test("a stop breaks off what is under way", async () => {
  a.transport.addPeer(b.address);
  const endless = {
    totalBytes: 1e12,
    async *chunks() {
      for (;;) yield Buffer.alloc(64 * 1024);
    },
  };
  const confState = { voters: [1n], learners: [] };
  const snapshot = { index: 300, term: 2, confState };
  const outgoing = message(b.id, a.id, { type: MessageType.SNAPSHOT, snapshot });
  a.transport.sendSnapshot(outgoing, Buffer.alloc(0), endless);
  await until(() => b.downloads === 1);
  await a.transport.stop();
  await until(() => a.outcomes.length === 1);
  expect(a.outcomes).toEqual([false]);
  expect(b.snapshot).toBeUndefined();
});

test("rubbish on the peer port closes its connection and nothing else", async () => {
  await connect();
  for (const bytes of ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\0".repeat(5000), "GET / HTTP/1.1"]) {
    const socket = createConnection(a.port, "127.0.0.1");
    socket.on("error", () => undefined);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.resume();
    socket.end(bytes);
    await closed;
  }
  b.transport.send([message(a.id, b.id, { commit: 3 })]);
  await until(() => a.messages.some(({ commit }) => commit === 3));
});

const VERSION = "GET /version HTTP/1.1\r\nHost: a\r\n\r\n";

function hashKv(revision: number): string {
  const body = JSON.stringify({ revision });
  return `GET /members/hashkv HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** All that is answered to these bytes until the connection is closed. */
function said(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection(a.port, "127.0.0.1");
    let answers = "";
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      answers += chunk.toString();
    });
    socket.on("close", () => resolve(answers));
    socket.write(text);
  });
}

test("requests sent ahead are answered in their order, a few of them, and too many not at all", async () => {
  const last = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const few = await said(`${VERSION.repeat(5)}${last}`);
  expect(few.match(/HTTP\/1\.1 \d+/g)).toEqual([...Array(5).fill("HTTP/1.1 200"), "HTTP/1.1 404"]);
  expect(await said(VERSION.repeat(1_000))).not.toContain("HTTP/1.1 404");
});

test.each([
  ["a line that is none", "junk\r\n", "400 Bad Request"],
  ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 Bad Request"],
  ["no host", "GET /version HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header"],
  ["CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "400 Bad Request"],
  [
    "a long header",
    `GET / HTTP/1.1\r\nHost: ${"a".repeat(20_000)}\r\n\r\n`,
    "431 Request Header Fields Too Large",
  ],
])("%s is refused behind the answers to what was asked before", async (_name, bytes, line) => {
  const headers = "Content-Type: text/plain; charset=utf-8\r\nConnection: close";
  const refusal = `HTTP/1.1 ${line}\r\n${headers}\r\n\r\n${line}`;
  expect(await said(bytes + VERSION)).toBe(refusal);
  const behind = await said(hashKv(2) + hashKv(3) + bytes + VERSION);
  expect(behind.match(/"revision":\d/g)).toEqual(['"revision":2', '"revision":3']);
  expect(behind.endsWith(`}${refusal}`)).toBe(true);
});

test("who cannot be expected, and whose body cannot be read, is told so", async () => {
  const expectation = "GET /version HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n";
  expect(await said(expectation)).toMatch(/^HTTP\/1\.1 417 /);
  const post = "POST /leases HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
  expect(await said(post)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
});

test("however many come and say nothing, or half a request, a peer is let in", async () => {
  const halves = ["", "POST /raft HTTP/1.1\r\nX-Slow: ", "POST /raft HTTP/1.1\r\nHost: a\r\n"];
  const idle = Array.from({ length: 3 * CONNECTIONS_MAX }, (_, at) => {
    const socket = createConnection(a.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(halves[at % halves.length] ?? "");
    return socket;
  });
  await until(() => idle.filter(({ destroyed }) => destroyed).length >= 2 * CONNECTIONS_MAX);
  await connect();
  b.transport.send([message(a.id, b.id, { commit: 4 })]);
  await until(() => a.messages.some(({ commit }) => commit === 4));
  for (const socket of idle) socket.destroy();
});

describe("questions", () => {
  test("are answered with what the member says", async () => {
    a.transport.addPeer(b.address);
    const calls = a.transport.calls(b.id);
    if (calls === undefined) throw new Error("no such peer");
    expect(await calls.members()).toEqual({ clusterId: CLUSTER, members: b.members() });
    expect(await calls.version()).toEqual({ server: "3.5.21", cluster: undefined });
    expect(await calls.downgradeEnabled()).toBe(true);
    expect(await calls.promote(5n, "token")).toBe('["token"]');
    expect(await calls.hashKv(CLUSTER, 4)).toEqual({
      revision: 4,
      hash: 0xffffffff,
      compactRevision: -1,
    });
    expect(await calls.keepAlive(7n)).toBe(60);
    expect(await calls.timeToLive(2n ** 62n, true)).toEqual({
      id: 2n ** 62n,
      ttlSeconds: 5,
      grantedTtlSeconds: 60,
      keys: [Buffer.from("k")],
    });
  });

  test("are refused with the error that the member gives", async () => {
    a.transport.addPeer(b.address);
    const calls = a.transport.calls(b.id);
    if (calls === undefined) throw new Error("no such peer");
    await expect(calls.promote(404n, undefined)).rejects.toThrow(new EtcdError("MemberNotFound"));
    await expect(calls.promote(412n, undefined)).rejects.toThrow(new EtcdError("LearnerNotReady"));
    await expect(calls.promote(413n, undefined)).rejects.toThrow(new EtcdError("MemberNotLearner"));
    await expect(calls.hashKv(CLUSTER, 1)).rejects.toThrow(new EtcdError("Compacted"));
    await expect(calls.hashKv(CLUSTER, 9)).rejects.toThrow(new EtcdError("FutureRev"));
    await expect(calls.hashKv(1n, 4)).rejects.toThrow("cluster ID mismatch");
    await expect(calls.keepAlive(1n)).rejects.toThrow(new EtcdError("LeaseNotFound"));
    await expect(calls.timeToLive(1n, false)).rejects.toThrow(new EtcdError("Timeout"));
    expect(a.transport.calls(99n)).toBeUndefined();
  });

  test("that are nonsense get an error and leave the member alive", async () => {
    const junk = "x".repeat(70_000);
    const cases: [string, string, string, number][] = [
      ["GET", "/members/hashkv", "", 400],
      ["GET", "/members/hashkv", "null", 200],
      ["GET", "/members/hashkv", "{", 400],
      ["GET", "/members/hashkv", '{"revision":"1"}', 400],
      ["POST", "/leases", "\xff\xff\xff", 400],
      ["POST", "/leases/internal", "", 400],
      ["POST", "/leases", junk, 413],
      ["POST", "/members/promote/zz", "", 404],
      ["POST", "/members/promote/99999999999999999999", "", 404],
      ["PUT", "/members", "", 405],
      ["GET", "/health", "", 404],
      ["GET", "/metrics", "", 404],
    ];
    for (const [method, path, body, status] of cases) {
      const sized = { "Content-Length": body.length };
      expect([path, (await ask(a, method, path, sized, body)).status]).toEqual([path, status]);
    }
    expect((await ask(a, "GET", "/version", {})).text).toBe(
      '{"etcdserver":"3.5.21","etcdcluster":"not_decided"}',
    );
    const probed = await fetch(`http://127.0.0.1:${a.port}/raft/probing`);
    expect(await probed.text()).toMatch(/^\{"OK":true,"Now":"\d{4}-.*Z"\}\n$/);
    expect(probed.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  });
});

test("an answer from another cluster is no connection, and the right one later is", async () => {
  const foreign = createHttpServer((_request, response) => {
    response.writeHead(200, { "X-Etcd-Cluster-ID": "1" });
    response.flushHeaders();
  });
  await new Promise<void>((resolve) => foreign.listen(b.port, "127.0.0.2", resolve));
  a.transport.addPeer({ id: b.id, urls: [`http://127.0.0.2:${b.port}`] });
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(a.transport.activeSince(b.id)).toBeUndefined();
  foreign.closeAllConnections();
  await new Promise((resolve) => foreign.close(resolve));
  b.transport.addPeer(a.address);
  a.transport.updatePeer(b.address);
  await until(() => a.transport.activeSince(b.id) !== undefined);
});

test("an address that is taken rejects the start", async () => {
  const other = new Station(9n, a.port);
  await expect(other.transport.start()).rejects.toThrow("EADDRINUSE");
});
