import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../harness/http-client.ts";
import { ClusterProcess } from "../harness/member-process.ts";
import { answerForm } from "./gateway-form.ts";

// The JSON gateway over WebSockets, as browsers use it: ours beside Debian's etcd.

let clusters: ClusterProcess[] = [];
beforeAll(async () => {
  clusters = await Promise.all(
    (["quorate", "etcd-3.5"] as const).map((make) => ClusterProcess.start({ make, size: 1 })),
  );
});
afterAll(async () => {
  for (const cluster of clusters) await cluster.stop();
});

const urlOf = (cluster: ClusterProcess) => cluster.member(0).clientUrl;

/** Sends the messages and takes so many of the answer. */
function talk(cluster: ClusterProcess, path: string, messages: readonly string[], wanted: number) {
  return new Promise<unknown[]>((resolve, reject) => {
    const socket = new WebSocket(urlOf(cluster).replace("http:", "ws:") + path);
    const seen: unknown[] = [];
    socket.addEventListener("open", () => {
      for (const message of messages) socket.send(message);
    });
    socket.addEventListener("message", ({ data }) => {
      const headers = { "content-type": "application/json" };
      seen.push(answerForm({ status: 0, headers, body: String(data) }).body);
      if (seen.length < wanted) return;
      socket.close();
      resolve(seen);
    });
    socket.addEventListener("error", () => {
      if (seen.length < wanted) reject(new Error(`${path}: no WebSocket`));
    });
  });
}

const CONVERSATIONS: readonly (readonly [string, readonly string[], number])[] = [
  ["/v3/kv/put", ['{"key":"YQ==","value":"MQ=="}'], 1],
  ["/v3/kv/range", ['{"key":"YQ=="}'], 1],
  ["/v3/kv/range", ['{"key":', '"YQ=="}'], 1],
  ["/v3/kv/range", ["x"], 1],
  ["/v3/nope", [], 1],
  ["/v3beta/kv/range", ['{"key":"YQ=="}'], 1],
  ["/v3/watch", ['{"create_request":{"key":"YQ==","start_revision":"1"}}'], 2],
  [
    "/v3/watch",
    [
      '{"create_request":{"key":"YQ=="}}',
      '{"create_request":{"key":"Yg==","watch_id":"5"}}',
      '{"cancel_request":{"watch_id":5}}',
    ],
    3,
  ],
  ["/v3/lease/keepalive", ['{"ID":7}', '{"ID":"8"}{"ID":9}'], 3],
];

test.each(CONVERSATIONS)(
  "over a WebSocket %s answers %j as etcd's does",
  async (path, messages, wanted) => {
    const [ours, theirs] = await Promise.all(
      clusters.map((cluster) => talk(cluster, path, messages, wanted)),
    );
    expect(ours).toEqual(theirs);
  },
);

test("handshakes that are none are refused as etcd refuses them", async () => {
  const upgrade = { Connection: "Upgrade", Upgrade: "websocket" };
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  const requests = [
    { path: "/v3/watch", headers: upgrade },
    { path: "/v3/watch", headers: { ...upgrade, "Sec-WebSocket-Version": "13" } },
    { path: "/v3/watch", headers: { ...upgrade, "Sec-WebSocket-Key": key } },
    { path: "/health", headers: upgrade },
    { path: "/health", headers: { Connection: "Upgrade", Upgrade: "h2c" } },
  ];
  for (const request of requests) {
    const answers = await Promise.all(clusters.map((cluster) => ask(urlOf(cluster), request)));
    const [ours, theirs] = answers.map(answerForm);
    // Ours end with the handshake, and say so.
    const isKept = request.path !== "/v3/watch";
    const connection = isKept ? theirs?.headers.connection : "close";
    const expected = { ...theirs, headers: { ...theirs?.headers, connection } };
    expect(ours, JSON.stringify(request)).toEqual(expected);
  }
});

test("a browser's token comes as protocol, and is confirmed as such", async () => {
  const heads = await Promise.all(
    clusters.map((cluster) => {
      const { port } = new URL(urlOf(cluster));
      return new Promise<string>((resolve) => {
        const socket = connect(Number(port), "127.0.0.1");
        socket.write(
          "GET /v3/watch HTTP/1.1\r\nHost: m\r\nConnection: keep-alive, Upgrade\r\n" +
            "Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n" +
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
            "Sec-WebSocket-Protocol: Bearer, token\r\n\r\n",
        );
        socket.once("data", (bytes) => {
          socket.destroy();
          resolve(bytes.toString());
        });
      });
    }),
  );
  expect(heads[0]).toContain("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
  expect(heads[0]).toBe(heads[1]);
});

test("who closes a WebSocket ends its watches", async () => {
  const [mine] = clusters;
  if (mine === undefined) throw new Error("no cluster");
  await Promise.all(
    Array.from({ length: 20 }, () =>
      talk(mine, "/v3/watch", ['{"create_request":{"key":"YQ=="}}'], 1),
    ),
  );
  const watchers = async () => {
    const { body } = await ask(urlOf(mine), { path: "/metrics" });
    return /^etcd_debugging_mvcc_watcher_total (\d+)$/m.exec(body)?.[1];
  };
  await expect.poll(watchers).toBe("0");
});
