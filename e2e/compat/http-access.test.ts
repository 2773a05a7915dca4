import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectHttp2, type SecureClientSessionOptions } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CertificateAuthority } from "../harness/certificates.ts";
import { ask, type HttpAsk } from "../harness/http-client.ts";
import { ClusterProcess, type Make } from "../harness/member-process.ts";
import { freePorts } from "../harness/ports.ts";
import { exchange, exchanges, statusOf } from "../harness/raw-exchange.ts";
import { SecureMember } from "../harness/secure-member.ts";
import { answerForm } from "./gateway-form.ts";

// Who may ask over HTTP, and where: origins, host names, listeners, TLS. Ours beside Debian's etcd.

const MAKES: readonly Make[] = ["quorate", "etcd-3.5"];
const ORIGIN = "http://a.example:80";

interface Side {
  readonly cluster: ClusterProcess;
  readonly url: string;
  readonly metricsUrl: string;
}

async function open(make: Make): Promise<Side> {
  const [metricsPort = 0] = await freePorts(1);
  const metricsUrl = `http://127.0.0.1:${metricsPort}`;
  const flags = [
    `--cors=${ORIGIN},http://b.example:81`,
    "--host-whitelist=good.example,127.0.0.1",
    `--listen-metrics-urls=${metricsUrl}`,
    "--enable-grpc-gateway=false",
    "--enable-pprof",
  ];
  const cluster = await ClusterProcess.start({ make, size: 1, flags });
  return { cluster, url: cluster.member(0).clientUrl, metricsUrl };
}

let sides: Side[] = [];
beforeAll(async () => {
  sides = await Promise.all(MAKES.map(open));
});
afterAll(async () => {
  for (const { cluster } of sides) await cluster.stop();
});

async function compare(request: HttpAsk, on: "url" | "metricsUrl" = "url"): Promise<void> {
  const answers = await Promise.all(sides.map((side) => ask(side[on], request)));
  const [ours, theirs] = answers.map(answerForm);
  expect(ours, JSON.stringify(request)).toEqual(theirs);
}

/**
 * What is heard without what two members may say differently: dates, ids, lengths, blanks in JSON.
 * Behind TLS etcd's gateway passes on what its own HTTP server sets for the call, if it comes in time.
 */
function bytesForm(heard: Buffer): string {
  const text = heard
    .toString("latin1")
    .replace(/^(?:Date|Content-Length|Grpc-Metadata-(?!Content-Type)[^:]*): .*\r\n/gm, "")
    .replace(/"\d+"/g, '"…"')
    .replaceAll(', "', ',"');
  return text.replace(/(HTTP\/1\.1 .*\r\n)((?:.+\r\n)*)/g, (_, line: string, headers: string) => {
    return line + headers.split("\r\n").toSorted().join("\r\n");
  });
}

/** Until the connection is closed, or as much as ends with `end`. */
async function compareBytes(urls: readonly string[], bytes: string, end?: string): Promise<void> {
  const isEnough = (heard: Buffer) => end !== undefined && heard.toString().trimEnd().endsWith(end);
  const heard = await Promise.all(urls.map((url) => exchange(url, bytes, { isEnough })));
  const [ours, theirs] = heard.map(bytesForm).map((text) => {
    // What stands behind a request etcd refuses when its line ends, and we as soon as it comes.
    return end === undefined ? text : text.slice(0, text.lastIndexOf(end) + end.length);
  });
  expect(ours, bytes.slice(0, 200)).toBe(theirs);
}

const HOST = "Host: 127.0.0.1\r\n";
const VERSION = `GET /version HTTP/1.1\r\n${HOST}\r\n`;
const LAST = `GET /version HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
const CHUNKS = "\r\n\r\n1\r\nx\r\n0\r\n\r\n";
const REFUSED: readonly string[] = [
  `GET /version HTTP/1.1\r\n${HOST}${HOST}\r\n`,
  `GET /version HTTP/1.0\r\n${HOST}${HOST}\r\n`,
  "GET /version HTTP/1.1\r\nHost: a b\r\n\r\n",
  "GET /version HTTP/1.1\r\nHost: a/b\r\n\r\n",
  "GET /version HTTP/1.1\r\n\r\n",
  "GET http://good.example/version HTTP/1.1\r\n\r\n",
  `GET http://good.example:x/version HTTP/1.1\r\n${HOST}\r\n`,
  `GET http://[::1/version HTTP/1.1\r\n${HOST}\r\n`,
  `GET version HTTP/1.1\r\n${HOST}\r\n`,
  `GET /% HTTP/1.1\r\n${HOST}\r\n`,
  ...["gzip, chunked", "gzip", "identity", "chunked, gzip", "chunked, chunked", ""].map(
    (encoding) => `POST /version HTTP/1.1\r\n${HOST}Transfer-Encoding: ${encoding}${CHUNKS}`,
  ),
  ...["-1", "+1", "1, 1", "x", "9".repeat(30)].map(
    (length) => `POST /version HTTP/1.1\r\n${HOST}Content-Length: ${length}\r\n\r\nx`,
  ),
  ...["colon", ": empty", "A(b: c", "A: \x01", "A: \0"].map(
    (header) => `GET /version HTTP/1.1\r\n${HOST}${header}\r\n\r\n`,
  ),
  `GET /version HTTP/x\r\n${HOST}\r\n`,
  `GET /version HTTP/2.0\r\n${HOST}\r\n`,
  `G(T /version HTTP/1.1\r\n${HOST}\r\n`,
  "GET /version\r\n\r\n",
  "one two three\r\n\r\n",
  `GET /version HTTP/1.1\r\n${HOST}A: ${"x".repeat(2_000_000)}\r\n\r\n`,
];

test("what is no request is refused in etcd's words, behind the answers that are due", async () => {
  for (const bytes of REFUSED) {
    await compareBytes(
      sides.map(({ metricsUrl }) => metricsUrl),
      bytes,
    );
    await compareBytes(
      sides.map(({ url }) => url),
      VERSION + VERSION + bytes,
    );
  }
});

test("what stands behind a request takes nothing from its answer", async () => {
  const urls = sides.map(({ url }) => url);
  const post = `POST /version HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\n{}`;
  for (const more of [" ", "junk", "\n", "\r\n"]) {
    await compareBytes(urls, VERSION + more, "}");
    await compareBytes(urls, post + more, "Method Not Allowed");
  }
  for (const more of [" ", "junk\r\n\r\n", VERSION]) await compareBytes(urls, LAST + more);
  for (const body of ["zz\r\n", "1\r\nxyz", "1\r\nx\r\n0\r\nA b\r\n\r\n"]) {
    const chunked = `POST /version HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;
    await compareBytes(urls, VERSION + chunked + body);
  }
});

test("an absolute target names the host, whatever the header says", async () => {
  const targets = [
    "http://good.example/version",
    "http://good.example:99/version?x",
    "http://u:p@good.example/version",
    "ftp://good.example/version",
    "http://evil.example/version",
    "http://[::1]:1/version",
    "http:///version",
    "http://good.example",
    "/version#x",
    "/%ff",
  ];
  for (const target of targets) {
    for (const host of ["good.example", "evil.example"]) {
      const head = `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      await compareBytes(
        sides.map(({ url }) => url),
        head,
      );
    }
  }
});

test("a member that is told nothing says so to its peer", async () => {
  const problem = /error .*\n/;
  // etcd breaks off the rest of some of these answers.
  const isEnough = (heard: Buffer) => problem.test(heard.toString());
  const requests = [
    ["POST /raft", ""],
    ["POST /raft", "\x08\x7f"],
    ["GET /members/hashkv", ""],
    ["GET /members/hashkv", " "],
  ] as const;
  const told = sides.map(async ({ cluster }) => {
    const { peerUrl } = cluster.member(0);
    const { headers } = await ask(peerUrl, { path: "/members" });
    const from = `X-Server-Version: 3.5.0\r\nX-Etcd-Cluster-ID: ${String(headers["x-etcd-cluster-id"])}`;
    const answers = requests.map(async ([line, body]) => {
      const head = `${line} HTTP/1.1\r\n${HOST}${from}\r\nContent-Length: ${body.length}\r\n\r\n`;
      const heard = await exchange(peerUrl, head + body, { isEnough });
      return [statusOf(heard), problem.exec(heard.toString())?.[0]];
    });
    return Promise.all(answers);
  });
  const [ours, theirs] = await Promise.all(told);
  expect(ours).toEqual(theirs);
});

test("only listed origins are told that they may", async () => {
  for (const origin of [ORIGIN, "http://b.example:81", "http://c.example", "*", ""]) {
    for (const method of ["GET", "OPTIONS"]) {
      await compare({ method, path: "/health", headers: { Origin: origin } });
    }
  }
});

test("only listed hosts are served without TLS", async () => {
  const hosts = [
    "good.example",
    "good.example:99",
    "evil.example",
    "[::1]:80",
    "[::1]",
    "GOOD.EXAMPLE",
  ];
  for (const host of hosts) {
    for (const path of ["/health", "/nope", "/v3/kv/range"]) {
      await compare({ path, headers: { Host: host, Origin: ORIGIN } });
    }
  }
});

test("whether a connection stays is told in etcd's words", async () => {
  const host = "Host: good.example\r\n";
  const last = `GET /health HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
  const old = `GET /health HTTP/1.0\r\n${host}`;
  const staying = [
    `GET /health HTTP/1.1\r\n${host}\r\n`,
    `GET /health HTTP/1.1\r\n${host}Connection: keep-alive\r\n\r\n`,
    `${old}Connection: Keep-Alive\r\n\r\n`,
    `HEAD /health HTTP/1.0\r\n${host}Connection: keep-alive, close\r\n\r\n`,
    `OPTIONS * HTTP/1.1\r\n${host}\r\n`,
  ];
  const leaving = [
    last,
    last.replace("close", "x, Close"),
    `${old}\r\n`,
    `${old}Connection: close\r\n\r\n`,
  ];
  const asked = [...leaving, ...staying.map((first) => first + last)];
  const heard = await Promise.all(sides.map(({ url }) => exchanges(url, asked)));
  const [ours, theirs] = heard.map((answers) => answers.map(String).map(toldOf));
  expect(ours).toEqual(theirs);
  expect(ours?.map((told) => told.filter((line) => /^\d/.test(line)).length)).toEqual(
    asked.map((_, at) => (at < leaving.length ? 1 : 2)),
  );
});

/** Statuses and what is said of the connection; etcd answers HTTP/1.0 with its own version. */
function toldOf(answers: string): string[] {
  const lines = answers.matchAll(/HTTP\/1\.[01] (?<status>.*)|^Connection: .*/gm);
  return [...lines].map(({ 0: line, groups }) => groups?.status ?? line);
}

test("without the JSON gateway there is nothing below /v3", async () => {
  for (const path of ["/v3/kv/range", "/v3/", "/v3", "/v3beta/kv/range"]) {
    await compare({ path, body: "{}" });
  }
});

test("measuring has its own listener, which serves nothing else and everybody", async () => {
  for (const path of [
    "/health",
    "/livez",
    "/readyz?exclude=non_learner",
    "/version",
    "/debug/vars",
  ]) {
    await compare({ path, headers: { Host: "evil.example", Origin: ORIGIN } }, "metricsUrl");
  }
  await compare({ method: "POST", path: "/health" }, "metricsUrl");
  await compare({ method: "OPTIONS", path: "/health" }, "metricsUrl");
  for (const { metricsUrl } of sides) {
    const { body } = await ask(metricsUrl, { path: "/metrics" });
    expect(body).toContain("\netcd_server_has_leader 1\n");
  }
});

test("profiles are shown when they are switched on", async () => {
  await compare({ path: "/debug/pprof" });
  await compare({ path: "/debug/pprof/nope" });
  const [mine] = sides;
  const profile = async (name: string) => {
    return JSON.parse(
      (await ask(mine?.url ?? "", { path: `/debug/pprof/${name}` })).body,
    ) as object;
  };
  // Whichever comes first.
  const answers = await Promise.all(
    [1, 2].map(() => ask(mine?.url ?? "", { path: "/debug/pprof/profile?seconds=2" })),
  );
  const [taken, refused] = answers.toSorted((a, b) => a.status - b.status);
  expect(JSON.parse(taken?.body ?? "")).toHaveProperty("samples");
  expect([refused?.status, refused?.body]).toEqual([
    500,
    "Could not enable CPU profiling: cpu profiling already in use\n",
  ]);
  expect(await profile("heap")).toHaveProperty("head.children");
  const { status, body } = await ask(mine?.url ?? "", { path: "/debug/pprof/goroutine" });
  expect([status, body]).toEqual([501, "goroutine is a profile of Go's runtime alone\n"]);
});

describe("behind TLS", () => {
  let folder: string;
  let members: SecureMember[] = [];
  let trust: SecureClientSessionOptions;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "quorate-access-"));
    const authority = await CertificateAuthority.create(folder, "own");
    const server = await authority.issue("server", { commonName: "m", ips: ["127.0.0.1"] });
    const flags = ["", "peer-"].flatMap((side) => [
      `--${side}cert-file=${server.cert}`,
      `--${side}key-file=${server.key}`,
    ]);
    members = await Promise.all(
      MAKES.map((make) =>
        SecureMember.start(make, [
          ...flags,
          `--peer-trusted-ca-file=${authority.file}`,
          "--host-whitelist=127.0.0.1",
        ]),
      ),
    );
    trust = { rejectUnauthorized: false };
  });

  afterAll(async () => {
    for (const member of members) await member.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("what is done is answered, whatever stands behind it", async () => {
    const urls = members.map(({ secureUrl }) => secureUrl);
    const body = '{"key":"Zm9v","value":"YmFy"}';
    const put = `POST /v3/kv/put HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n\r\n${body}`;
    for (const more of [" ", "junk"]) await compareBytes(urls, put + more, "}}");
    for (const more of ["junk\r\n\r\n", "GET /version\r\n\r\n"])
      await compareBytes(urls, put + more);
    const chunked = put.replace(/Content-Length: [^]*/, "Transfer-Encoding: chunked\r\n\r\n");
    const length = body.length.toString(16);
    for (const chunks of ["", `${length}\r\n${body}\r\n`]) {
      const [ours, theirs] = await Promise.all(
        urls.map(async (url) => String(await exchange(url, `${put}${chunked}${chunks}zz\r\n`))),
      );
      const statuses = (text: string | undefined) => text?.match(/HTTP\/1\.1 .*/g);
      expect(statuses(ours)).toEqual(statuses(theirs));
      expect(statuses(ours)).toHaveLength(2);
    }
  });

  function askHttp2(url: string, headers: Readonly<Record<string, string>>, body: string) {
    return new Promise<{ status: number; headers: Record<string, string>; body: string }>(
      (resolve, reject) => {
        const session = connectHttp2(url, trust);
        session.on("error", reject);
        const stream = session.request(headers, { endStream: body === "" });
        let received: Record<string, string> = {};
        const chunks: Buffer[] = [];
        stream.on("response", (fields) => {
          received = fields as Record<string, string>;
        });
        stream.on("data", (chunk: Buffer) => {
          chunks.push(chunk);
          // A watch does not end by itself.
          if (chunks.join("").includes('"created":true')) stream.close();
        });
        stream.on("error", reject);
        stream.on("close", () => {
          session.destroy();
          const status = Number(received[":status"]);
          resolve({ status, headers: received, body: Buffer.concat(chunks).toString() });
        });
        if (body !== "") stream.end(body);
      },
    );
  }

  test("what is no call over HTTP/2 is answered as over HTTP/1, under any host name", async () => {
    const requests: readonly (readonly [Record<string, string>, string])[] = [
      [{ ":path": "/health", ":authority": "evil.example" }, ""],
      [{ ":path": "/nope" }, ""],
      [{ ":method": "HEAD", ":path": "/health" }, ""],
      [{ ":method": "OPTIONS", ":path": "/health" }, ""],
      [{ ":method": "POST", ":path": "/v3/kv/put" }, '{"key":"Zm9v","value":"YmFy"}'],
      [{ ":method": "POST", ":path": "/v3/kv/range" }, '{"key":"Zm9v"}'],
      [{ ":method": "POST", ":path": "/v3/kv/range" }, "{"],
      [{ ":method": "POST", ":path": "/v3/watch" }, '{"create_request":{"key":"Zm9v"}}'],
    ];
    for (const [headers, body] of requests) {
      const answers = await Promise.all(
        members.map(({ secureUrl }) => askHttp2(secureUrl, headers, body)),
      );
      const [ours, theirs] = answers.map(answerForm);
      expect(ours, JSON.stringify(headers)).toEqual(theirs);
    }
  });
});
