import { connect } from "node:net";
import { afterEach, expect, test } from "vitest";
import { type Log, SILENT_LOG } from "../base/log.ts";
import { GrpcServer } from "../http2/grpc-server.ts";
import { MovableClock } from "../http2/raw-peer.suite.ts";
import { Metrics } from "../metrics/metrics.ts";
import { Scrapes } from "../metrics/scrapes.ts";
import { Access } from "./access.ts";
import { Gateway } from "./gateway.ts";
import type { MemberProbe } from "./member-probe.ts";
import { Site } from "./site.ts";

const HEALTHY: MemberProbe = {
  alarms: () => [],
  hasLeader: () => true,
  isLearner: () => false,
  read: async () => {},
  serverVersion: "3.5.16",
  clusterVersion: () => "3.5.0",
  debugVars: () => ({ cmdline: ["etcd"], "raft.status": { term: 2 } }),
};

const CONNECTIONS_MAX = 4;

function raised(...names: readonly string[]): MemberProbe["alarms"] {
  return () => names.map((name) => ({ name, text: `memberID:1 alarm:${name} ` }));
}

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function serve(changes: Partial<MemberProbe> = {}, hostWhitelist = ["*"]) {
  const clock = new MovableClock();
  const metrics = new Metrics();
  metrics.reportFrom(() => ({
    memberId: "8e9e05c52164694d",
    serverVersion: "3.5.16",
    clusterVersion: "3.5.0",
    hasLeader: true,
    isLeader: false,
    isLearner: false,
    puts: 7,
    peers: [],
  }));
  const probe = { ...HEALTHY, ...changes };
  const lines: unknown[][] = [];
  const log: Log = {
    ...SILENT_LOG,
    warn: (...line) => void lines.push(["warn", ...line]),
    error: (...line) => void lines.push(["error", ...line]),
  };
  const access = new Access({
    cors: ["*"],
    hostWhitelist,
    areNamesIdentities: () => false,
    log: SILENT_LOG,
  });
  const site = new Site({
    log,
    probe,
    health: metrics.health,
    scrapes: new Scrapes(metrics, clock),
    access,
    json: undefined,
    profiling: undefined,
    isFull: true,
  });
  const gateway = new Gateway({ clock, serve: site.serve, connectionsMax: CONNECTIONS_MAX });
  const server = new GrpcServer({
    clock,
    log: SILENT_LOG,
    dispatch: () => expect.unreachable(),
    acceptHttp1: gateway.accept,
  });
  const { port } = await server.listen("127.0.0.1", 0);
  stops.push(async () => {
    gateway.close();
    await server.stop(0);
  });
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    return { status: response.status, headers: response.headers, body: await response.text() };
  };
  return { ask, metrics, port, clock, lines };
}

test("/health says true with etcd's bytes", async () => {
  const { ask } = await serve();
  const { status, headers, body } = await ask("/health");
  expect([status, body]).toEqual([200, '{"health":"true","reason":""}']);
  expect(headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(headers.get("access-control-allow-origin")).toBe("*");
});

test("/health names the first thing that is wrong: alarm, leader, read", async () => {
  const failing = { read: () => Promise.reject(new Error("etcdserver: request timed out")) };
  const lost = { hasLeader: () => false, ...failing };
  const answer = async (changes: Partial<MemberProbe>, query = "") => {
    const { ask } = await serve(changes);
    const { status, body } = await ask(`/health${query}`);
    return [status, body];
  };
  const unhealthy = (reason: string) => [503, `{"health":"false","reason":"${reason}"}\n`];
  const full = { alarms: raised("NOSPACE"), ...lost };
  expect(await answer(full)).toEqual(unhealthy("ALARM NOSPACE"));
  expect(await answer(full, "?exclude=NOSPACE")).toEqual(unhealthy("RAFT NO LEADER"));
  expect(await answer(full, "?exclude=NOSPACE&serializable=true")).toEqual(
    unhealthy("RANGE ERROR:etcdserver: request timed out"),
  );
  expect(await answer({ alarms: raised("CORRUPT") }, "?exclude=NOSPACE")).toEqual(
    unhealthy("ALARM CORRUPT"),
  );
  const unknown = { alarms: raised("7", "NOSPACE") };
  expect(await answer(unknown)).toEqual(unhealthy("ALARM UNKNOWN"));
  expect(await answer(unknown, "?exclude=7")).toEqual(unhealthy("ALARM NOSPACE"));
});

test("a check that fails says so in the log, in etcd's words", async () => {
  const timeout = () => Promise.reject(new Error("etcdserver: request timed out"));
  const unwell = { alarms: raised("NOSPACE"), hasLeader: () => false, read: timeout };
  const { ask, lines } = await serve(unwell);
  const linesOf = async (path: string, init?: RequestInit) => {
    lines.length = 0;
    await ask(path, init);
    return [...lines];
  };
  const unhealthy = (reason: string) => {
    const output = `{"health":"false","reason":"${reason}"}`;
    return ["warn", "/health error", { output, "status-code": 503 }];
  };
  const alarm = "memberID:1 alarm:NOSPACE ";
  expect(await linesOf("/health")).toEqual([
    ["warn", "serving /health false due to an alarm", { alarm }],
    unhealthy("ALARM NOSPACE"),
  ]);
  expect(await linesOf("/health?exclude=NOSPACE")).toEqual([
    ["warn", "serving /health false; no leader"],
    unhealthy("RAFT NO LEADER"),
  ]);
  const error = "etcdserver: request timed out";
  expect(await linesOf("/health?exclude=NOSPACE&serializable=true")).toEqual([
    ["warn", "serving /health false; Range fails", { error }],
    unhealthy(`RANGE ERROR:${error}`),
  ]);
  const reason = `[-]serializable_read failed: ${error}\n`;
  const failed = (path: string) => [
    "error",
    "Health check error",
    { path, reason, "status-code": 503 },
  ];
  expect(await linesOf("/livez?exclude=a&exclude=b&exclude=&exclude=a")).toEqual([
    ["warn", "some health checks cannot be excluded", { "missing-health-checks": '"a","b"' }],
    failed("/livez"),
  ]);
  expect(await linesOf("/readyz/serializable_read?exclude=a")).toEqual([
    failed("/readyz/serializable_read"),
  ]);
  expect(await linesOf("/health", { method: "POST" })).toEqual([
    ["warn", "/health error", { "status-code": 405 }],
  ]);
  expect(await linesOf("/livez", { method: "POST" })).toEqual([
    ["warn", "Health request error", { path: "/livez", "status-code": 405 }],
  ]);
});

test("while the state is being replaced /health and /readyz fail with the reason", async () => {
  const { ask, metrics } = await serve({
    alarms: () => {
      throw new Error("etcdserver: leader changed");
    },
  });
  const { status, body } = await ask("/health");
  const reason = "RANGE ERROR:etcdserver: leader changed";
  expect([status, body]).toEqual([503, `{"health":"false","reason":"${reason}"}\n`]);
  expect(metrics.health.failures).toBe(1);
  const ready = await ask("/readyz/data_corruption");
  expect([ready.status, ready.body]).toEqual([
    503,
    "[-]data_corruption failed: etcdserver: leader changed\n\n",
  ]);
});

test("fixed endpoints take GET only, unknown paths are not found, as in etcd", async () => {
  const { ask } = await serve();
  for (const path of ["/health", "/version", "/debug/vars", "/livez", "/readyz/non_learner"]) {
    const { status, headers, body } = await ask(path, { method: "POST", body: "x" });
    expect([status, headers.get("allow"), body]).toEqual([405, "GET", "Method Not Allowed\n"]);
  }
  for (const path of ["/", "/nope", "/health/", "/livez/", "/livez/linearizable_read"]) {
    const { status, body } = await ask(path);
    expect([path, status, body]).toEqual([path, 404, "404 page not found\n"]);
  }
  expect((await ask("/health", { method: "OPTIONS" })).body).toBe("");
});

test("/version and its cluster version before one is decided", async () => {
  const decided = await (await serve()).ask("/version");
  expect(decided.body).toBe('{"etcdserver":"3.5.16","etcdcluster":"3.5.0"}');
  expect(decided.headers.get("content-type")).toBe("application/json");
  const open = await (await serve({ clusterVersion: () => undefined })).ask("/version");
  expect(open.body).toBe('{"etcdserver":"3.5.16","etcdcluster":"not_decided"}');
});

test("/debug/vars shows a variable a line", async () => {
  const { body, headers } = await (await serve()).ask("/debug/vars");
  expect(headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(body).toBe('{\n"cmdline": ["etcd"],\n"raft.status": {"term":2}\n}\n');
});

test("/livez and /readyz run their checks, one of them, or all but some", async () => {
  const { ask, metrics } = await serve({ isLearner: () => true, alarms: raised("CORRUPT") });
  expect((await ask("/livez")).body).toBe("ok\n");
  expect((await ask("/livez?verbose")).body).toBe("[+]serializable_read ok\nok\n");
  const failed = await ask("/readyz");
  expect(failed.status).toBe(503);
  expect(failed.body.split("\n")).toEqual([
    "[-]data_corruption failed: alarm activated: CORRUPT",
    "[+]serializable_read ok",
    "[+]linearizable_read ok",
    "[-]non_learner failed: not supported for learner",
    "",
    "",
  ]);
  const some = await ask("/readyz?exclude=data_corruption&exclude=non_learner&exclude=nope");
  expect([some.status, some.body]).toEqual([200, "ok\n"]);
  expect((await ask("/readyz/data_corruption")).status).toBe(503);
  expect((await ask("/readyz/linearizable_read?verbose")).body).toBe(
    "[+]linearizable_read ok\nok\n",
  );
  expect(await metrics.text()).toContain(
    'etcd_server_healthcheck{name="data_corruption",type="readyz"} 0',
  );
});

test("/metrics exports what was counted, also over one kept connection", async () => {
  const { ask, metrics } = await serve();
  metrics.grpc.register("unary", "etcdserverpb.KV", "Put").started = 3;
  metrics.observeWalFsync(0.0015);
  const { body, headers } = await ask("/metrics");
  expect(headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = body.split("\n");
  const method = 'grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"';
  expect(lines).toContain(`grpc_server_started_total{${method}} 3`);
  expect(lines).toContain(`grpc_server_handled_total{grpc_code="DataLoss",${method}} 0`);
  expect(lines).toContain("etcd_mvcc_put_total 7");
  expect(lines).toContain('etcd_cluster_version{cluster_version="3.5"} 1');
  expect(lines).toContain('etcd_disk_wal_fsync_duration_seconds_bucket{le="0.001"} 0');
  expect(lines).toContain('etcd_disk_wal_fsync_duration_seconds_bucket{le="0.002"} 1');
  expect(lines.some((line) => line.startsWith("etcd_mvcc_delete_total "))).toBe(false);
  expect(await ask("/metrics")).toMatchObject({ status: 200 });
});

test("who does not finish asking is cut off, who waits for an answer is not", async () => {
  let answer: () => void = () => {};
  const waiting = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let asked = 0;
  const read = () => {
    asked++;
    return waiting;
  };
  const { ask, port, clock } = await serve({ read });
  const health = ask("/health");
  const slow = connect(port, "127.0.0.1");
  const closed = new Promise((resolve) => slow.on("close", resolve));
  slow.write("GET /health HTTP/1.1\r\nHost: member\r\nX-Slow: ");
  slow.resume();
  await expect.poll(() => asked).toBe(1);
  const passing = setInterval(() => clock.advance(31_000), 10);
  await closed;
  clearInterval(passing);
  answer();
  expect((await health).status).toBe(200);
});

/** A connection that only says what it is told to. */
function bare(port: number, first = "") {
  const socket = connect(port, "127.0.0.1");
  const state = { socket, text: "", isClosed: false };
  socket.on("data", (bytes: Buffer) => {
    state.text += bytes.toString();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    state.isClosed = true;
  });
  if (first !== "") socket.write(first);
  return state;
}

const HALF = "GET /health HTTP/1.1\r\nHost: member\r\nX-Slow: ";
const ASK = "GET /health HTTP/1.1\r\nHost: member\r\n\r\n";

test("whether a connection stays is told where HTTP's version means something else", async () => {
  const { port } = await serve();
  const last = "GET /health HTTP/1.1\r\nHost: member\r\nConnection: close\r\n\r\n";
  const old = "GET /health HTTP/1.0\r\n";
  const told = async (text: string) => {
    const state = bare(port, text);
    await expect.poll(() => state.isClosed).toBe(true);
    return state.text
      .split("HTTP/1.1 200 OK")
      .map((answer) => /^Connection: .*$/m.exec(answer)?.[0]);
  };
  const close = "Connection: close";
  expect(await told(last)).toEqual([undefined, close]);
  expect(await told(ASK + last)).toEqual([undefined, undefined, close]);
  expect(await told(`${old}\r\n`)).toEqual([undefined, undefined]);
  const kept = `${old}Connection: Keep-Alive\r\n\r\n`;
  expect(await told(kept + last)).toEqual([undefined, "Connection: keep-alive", close]);
});

test("OPTIONS * asks about the server, not about a path of it", async () => {
  const { port } = await serve();
  const state = bare(port, "OPTIONS * HTTP/1.1\r\nHost: member\r\n\r\n");
  await expect.poll(() => state.text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/);
  expect(state.text).toContain("Content-Length: 0");
  state.socket.destroy();
});

test("however many begin to ask and do not go on, who asks is answered", async () => {
  const { ask, port } = await serve();
  const kept = bare(port, ASK);
  await expect.poll(() => kept.text).toContain('"true"');
  const slow = Array.from({ length: 3 * CONNECTIONS_MAX }, () => bare(port, HALF));
  await expect.poll(() => slow.filter(({ isClosed }) => isClosed).length).toBe(9);
  for (let round = 0; round < CONNECTIONS_MAX; round++) {
    expect((await ask("/health", { headers: { Connection: "close" } })).status).toBe(200);
  }
  expect(kept.isClosed).toBe(false);
  for (const { socket } of [...slow, kept]) socket.destroy();
});

test("an answer that nobody reads is kept for a while, and no longer", async () => {
  const { port, clock } = await serve({ debugVars: () => ({ long: "x".repeat(20_000_000) }) });
  const idle = bare(port);
  idle.socket.pause();
  idle.socket.write("GET /debug/vars HTTP/1.1\r\nHost: member\r\n\r\n");
  idle.socket.once("close", () => {
    idle.isClosed = true;
  });
  // Until the answer has begun it is the client's turn, and the time for that is shorter.
  await new Promise((resolve) => setTimeout(resolve, 100));
  clock.advance(1_000);
  clock.advance(100_000);
  const reading = bare(port, ASK);
  await expect.poll(() => reading.text).toContain('"true"');
  clock.advance(30_000);
  idle.socket.resume();
  await expect.poll(() => idle.isClosed).toBe(true);
  expect(idle.text.length).toBeLessThan(20_000_000);
  reading.socket.destroy();
});

test("requests sent ahead are answered one after the other, and too many not at all", async () => {
  let open = 0;
  let most = 0;
  const read = async () => {
    most = Math.max(most, ++open);
    await new Promise((resolve) => setTimeout(resolve, 5));
    open--;
  };
  const { port } = await serve({ read });
  const ahead = bare(port, ASK.repeat(20));
  await expect.poll(() => ahead.text.split('"true"').length - 1).toBe(20);
  expect(most).toBe(1);
  const tooMany = bare(port, ASK.repeat(40));
  await expect.poll(() => tooMany.isClosed).toBe(true);
  expect(tooMany.text).toBe("");
  ahead.socket.destroy();
});

test("the body of a request is not waited for", async () => {
  const { port } = await serve();
  const socket = connect(port, "127.0.0.1");
  socket.write("POST /health HTTP/1.1\r\nHost: member\r\nContent-Length: 1000000\r\n\r\n");
  const received: Buffer[] = [];
  for await (const chunk of socket) received.push(chunk as Buffer);
  const answer = Buffer.concat(received).toString();
  expect(answer).toMatch(/^HTTP\/1\.1 405 /);
  expect(answer).toContain("Connection: close");
});

test("what is neither HTTP/2 nor HTTP/1 gets a 400 and the door", async () => {
  const { port } = await serve();
  const socket = connect(port, "127.0.0.1");
  socket.write("PRI * HTTP/2.0\r\n\r\nnonsense\u0000\u0001\r\n");
  const received: Buffer[] = [];
  for await (const chunk of socket) received.push(chunk as Buffer);
  expect(Buffer.concat(received).toString()).toMatch(/^HTTP\/1\.1 400 /);
});

test("the host that is looked up in the whitelist is the target's, or else the header's", async () => {
  const { port } = await serve({}, ["good.com"]);
  const statusOf = async (target: string, host: string) => {
    const socket = connect(port, "127.0.0.1");
    socket.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    let answer = "";
    for await (const chunk of socket) answer += String(chunk);
    return Number(answer.split(" ")[1]);
  };
  expect(await statusOf("/version", "good.com:99")).toBe(200);
  expect(await statusOf("/version", "evil.com")).toBe(421);
  expect(await statusOf("http://good.com:99/version", "evil.com")).toBe(200);
  expect(await statusOf("http://u:p@good.com/version", "evil.com")).toBe(200);
  expect(await statusOf("http://evil.com/version", "good.com")).toBe(421);
  expect(await statusOf("http:///version", "good.com")).toBe(200);
});
